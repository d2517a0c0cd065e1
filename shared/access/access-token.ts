import type { Documents } from "#shared/platform/documents/documents.ts";
import { type PublishedKey, publishedPublicKeys } from "./platform-keys.ts";

/** What one of our own access tokens says; it is worth nothing without the live session it names. */
export interface AccessTokenClaims {
  userId: string;
  sessionId: string;
}

/** Issuer and audience of our own tokens: this platform, for itself. */
export const tokenIssuer = "cost-atlas";
export const tokenType = "at+jwt";

const maximumBytes = 8_192;
const leewaySeconds = 60;

/** Per document store, so that two platforms in one process never share a key. */
const known = new WeakMap<Documents, PublishedKey[]>();

/** The claims of an access token that we signed and that has not run out; undefined for anything else. */
export async function accessTokenClaims(
  token: string,
  by: { documents: Documents; clock: { now(): Date } },
): Promise<AccessTokenClaims | undefined> {
  if (Buffer.byteLength(token) > maximumBytes) return undefined;
  const { decodeProtectedHeader, errors, importJWK, jwtVerify } = await import("jose");
  try {
    const { kid } = decodeProtectedHeader(token);
    const key = kid === undefined ? undefined : await verificationKey(kid, by.documents);
    if (key === undefined) return undefined;
    const { payload } = await jwtVerify(token, await importJWK({ ...key }), {
      algorithms: ["EdDSA"],
      issuer: tokenIssuer,
      audience: tokenIssuer,
      typ: tokenType,
      requiredClaims: ["exp", "sub"],
      clockTolerance: leewaySeconds,
      currentDate: by.clock.now(),
    });
    const { sub, sid, idk } = payload;
    if (sub === undefined || typeof sid !== "string" || typeof idk !== "string") return undefined;
    return /^[0-9a-f]{64}$/.test(sid) ? { userId: sub, sessionId: sid } : undefined;
  } catch (error) {
    // A token that is none: not a JWT, a wrong signature, a claim that does not hold. The rest is a fault of ours.
    if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/** The claim `idk` of a token that was verified before; empty for what is no token, as a public function may be sent. */
export function bearerSecret(token: string): string {
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    return String((payload as { idk?: unknown } | null)?.idk ?? "");
  } catch {
    return "";
  }
}

/** A key that is not known yet may have been made since: one read tells. */
async function verificationKey(kid: string, documents: Documents): Promise<PublishedKey | undefined> {
  const named = (keys: readonly PublishedKey[] | undefined) => keys?.find((key) => key.kid === kid);
  const cached = named(known.get(documents));
  if (cached !== undefined) return cached;
  const published = await publishedPublicKeys(documents);
  known.set(documents, published);
  return named(published);
}
