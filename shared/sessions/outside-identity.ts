import type { JWTPayload } from "jose";
import { unauthenticated } from "#shared/access/verify.ts";
import { emailAddress } from "#shared/people/email.ts";
import type { OidcIssuer } from "#shared/runtime/oidc-issuers.ts";
import { type IssuerReach, issuerKeys } from "./issuer-keys.ts";

/** Who an outside issuer says the bearer is. */
export interface OutsideIdentity {
  issuer: string;
  subject: string;
  /** Only where it is verified. */
  email: string | undefined;
  /** When the person proved to the issuer who they are. */
  authTime: Date;
}

const algorithms = ["RS256", "ES256", "EdDSA"];
const leewaySeconds = 60;
const maximumTokenBytes = 8_192;
const maximumSubjectLength = 255;

/**
 * The identity in a token of one of the configured issuers. Throws the one `UNAUTHENTICATED` for any token that does not
 * hold, `IDENTITY_ISSUER_UNAVAILABLE` when its keys cannot be had. Roles, organizations and `user_metadata` in it count
 * for nothing. Source: `organizations.md` 8.
 */
export async function outsideIdentity(
  token: string,
  issuers: readonly OidcIssuer[],
  by: IssuerReach,
): Promise<OutsideIdentity> {
  if (Buffer.byteLength(token) > maximumTokenBytes) throw unauthenticated();
  const { createLocalJWKSet, decodeJwt, decodeProtectedHeader, errors, jwtVerify } = await import("jose");
  const isFault = (error: unknown): boolean => error instanceof errors.JOSEError || error instanceof TypeError;
  const named = await orUnauthenticated(async () => {
    const { alg = "", kid } = decodeProtectedHeader(token);
    const issuer = issuers.find((each) => each.issuer === decodeJwt(token).iss);
    return issuer !== undefined && algorithms.includes(alg) ? { issuer, kid } : undefined;
  }, isFault);
  const keys = await issuerKeys(named.issuer, named.kid, by);
  const payload = await orUnauthenticated(async () => {
    const verified = await jwtVerify(token, createLocalJWKSet(keys), {
      algorithms,
      issuer: named.issuer.issuer,
      requiredClaims: ["exp", "iat", "sub", "aud"],
      clockTolerance: leewaySeconds,
      currentDate: by.clock.now(),
    });
    return verified.payload;
  }, isFault);
  return identityOf(payload, named.issuer, by.clock.now());
}

async function orUnauthenticated<T>(
  read: () => Promise<T | undefined>,
  isFault: (error: unknown) => boolean,
): Promise<T> {
  const result = await read().catch((error: unknown) => {
    if (!isFault(error)) throw error;
  });
  if (result === undefined) throw unauthenticated();
  return result as T;
}

function identityOf(payload: JWTPayload, issuer: OidcIssuer, now: Date): OutsideIdentity {
  const { sub = "", aud, iat = 0 } = payload;
  const isFromTheFuture = iat > now.getTime() / 1000 + leewaySeconds;
  if (aud !== issuer.audience || isFromTheFuture) throw unauthenticated();
  if (sub === "" || sub.length > maximumSubjectLength) throw unauthenticated();
  return {
    issuer: issuer.issuer,
    subject: sub,
    email: verifiedEmail(payload, issuer),
    authTime: provedAt(payload, now),
  };
}

/** Only the top-level claims: what a person can write into their own profile verifies nothing. */
function verifiedEmail(payload: JWTPayload, { emailTrust }: OidcIssuer): string | undefined {
  const { email, email_verified: isVerified } = payload;
  if (isAnonymous(payload) || typeof email !== "string") return undefined;
  return emailTrust === "issuer" || isVerified === true ? emailAddress(email) : undefined;
}

/** Supabase says so in `is_anonymous`, Identity Platform in the provider. */
function isAnonymous({ is_anonymous: isAnonymousUser, firebase }: JWTPayload): boolean {
  const provider = (firebase as { sign_in_provider?: unknown } | undefined)?.sign_in_provider;
  return isAnonymousUser === true || provider === "anonymous";
}

/** A refreshed token is young though the sign-in is not: `auth_time`, Supabase's `amr`, and only then `iat`. */
function provedAt({ auth_time: authTime, amr, iat = 0 }: JWTPayload, now: Date): Date {
  const methods = Array.isArray(amr) ? (amr as { timestamp?: unknown }[]) : [];
  const stamps = methods.flatMap((method) => (typeof method?.timestamp === "number" ? [method.timestamp] : []));
  const seconds = typeof authTime === "number" ? authTime : stamps.length > 0 ? Math.max(...stamps) : iat;
  const milliseconds = Math.min(now.getTime(), Math.max(0, seconds * 1000));
  return new Date(Number.isFinite(milliseconds) ? milliseconds : 0);
}
