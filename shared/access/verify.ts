import { createHash, timingSafeEqual } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Clock } from "#shared/platform/clock.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { accessTokenClaims, bearerSecret } from "./access-token.ts";
import { apiKeyHash, hasApiKeyForm } from "./api-key.ts";
import type { Access, Caller, OrgIdentity, SignedIn } from "./caller.ts";
import { memberCaller, type OrgAccessDocument } from "./membership.ts";
import { keyHolds } from "./scopes.ts";
import {
  assertOwnPage,
  idempotencySecret,
  liveSession,
  type Provenance,
  type SessionDocument,
  sessionIdOf,
  signedIn,
} from "./session.ts";

/** Document `apiKeys/{sha256}`: what is kept of an organization key. */
export interface ApiKeyDocument {
  /** Key of the organization (lower-case slug). */
  org: string;
  keyId: string;
  name: string;
  fingerprint: string;
  scopes: string[];
  primary: boolean;
  state: "ACTIVE" | "ROTATING" | "REVOKED";
  expiresAt: string | null;
  revokedAt: string | null;
  lastUsedAt: string | null;
  rotatedFrom: string | null;
}

export interface PresentedCredentials {
  rootKey: string | undefined;
  apiKey: string | undefined;
  /** One of our own access tokens. */
  bearer?: string | undefined;
  cookie?: (Provenance & { value: string }) | undefined;
}

export interface Verification {
  documents: Documents;
  clock: Clock;
  rootKey: string | undefined;
  isDevelopment: boolean;
}

/** Positive look-ups live this long, so a revoked key is refused everywhere within it. */
const cacheMilliseconds = 10_000;

interface KnownKey {
  key: ApiKeyDocument;
  org: OrgIdentity;
}

/** Per document store, so that two platforms in one process never share an answer. */
const caches = new WeakMap<Documents, LRUCache<string, KnownKey>>();

/**
 * Who calls, or `UNAUTHENTICATED` with the one message for a credential that is missing, malformed, unknown, revoked or
 * expired. With two credentials each must be valid and the narrower one decides: an organization's key before a person,
 * a person before the platform's operator. `CSRF_FAILED` for a cookie alone that another page may have sent.
 */
export async function verifyCaller(presented: PresentedCredentials, access: Access, by: Verification): Promise<Caller> {
  if (access.kind === "public") return { kind: "public", credentialId: "public" };
  if (access.kind === "root" && access.openInDevelopment && by.isDevelopment)
    return { kind: "public", credentialId: "public" };
  if (presented.rootKey !== undefined && !isRootKey(presented.rootKey, by.rootKey)) throw unauthenticated();
  const key = presented.apiKey === undefined ? undefined : await verifyApiKey(presented.apiKey, by);
  const person = await verifyPerson(presented, by);
  if (key !== undefined) return key;
  if (person !== undefined) return { kind: "person", ...person };
  if (presented.rootKey !== undefined) return { kind: "root", credentialId: "root" };
  throw unauthenticated();
}

/** Throws when the verified caller may not use the function. The body is the same for every reason of the same code. */
export function authorize(caller: Caller, access: Access): void {
  if (access.kind === "public" || access.kind === "any") return;
  if (access.kind === "root") {
    if (caller.kind === "root" || (access.openInDevelopment && caller.kind === "public")) return;
    throw new AppError("FORBIDDEN", "Only the platform's operator may do this.");
  }
  if (access.kind === "session") {
    if (caller.kind === "person") return;
    throw new AppError("FORBIDDEN", "Only a signed-in person may do this.");
  }
  if (caller.kind === "root" && access.root) return;
  if (caller.kind !== "member" && (caller.kind !== "key" || access.peopleOnly))
    throw new AppError("FORBIDDEN", `This needs a ${access.peopleOnly ? "member" : "credential"} of the organization.`);
  for (const scope of [access.scope, ...(access.also === undefined ? [] : [access.also])]) {
    const isHeld = caller.kind === "key" ? keyHolds(caller.scopes, scope) : caller.scopes.includes(scope);
    if (!isHeld) throw new AppError("FORBIDDEN", `This needs the scope ${scope}.`);
  }
}

/**
 * The caller where the function asks for an organization: a person becomes a member of the one in the path. The one
 * `ORG_MISMATCH` for an organization that is not the credential's, before anything of it is read.
 */
export async function placeCaller(
  caller: Caller,
  access: Access,
  asked: string | undefined,
  by: Pick<Verification, "documents" | "clock">,
): Promise<Caller> {
  if (access.kind !== "org") return caller;
  if (caller.kind === "key" && asked !== undefined && asked.toLowerCase() !== caller.org.key) throw orgMismatch();
  if (caller.kind !== "person") return caller;
  const member = await memberCaller(caller, asked, by);
  if (member === undefined) throw orgMismatch();
  return member;
}

/**
 * What the caller's stored answers and fingerprints are keyed with: a part of the credential that decides, which stays
 * the same for as long as the credential's id does and is not stored.
 */
export function idempotencySecretOf({ apiKey, bearer, cookie, rootKey }: PresentedCredentials): string {
  if (apiKey !== undefined) return apiKey;
  if (bearer !== undefined) return bearerSecret(bearer);
  return cookie === undefined ? (rootKey ?? "") : idempotencySecret(cookie.value);
}

/** The one answer for another organization, whether or not it exists. */
export function orgMismatch(): AppError {
  return new AppError("ORG_MISMATCH", "This credential does not belong to the organization in the path.");
}

export function unauthenticated(): AppError {
  return new AppError(
    "UNAUTHENTICATED",
    "A valid credential is required: it is missing, malformed, unknown, revoked or expired.",
  );
}

/** With a token and a cookie both must be the same person's. A cookie alone must come from our own page. */
async function verifyPerson(presented: PresentedCredentials, by: Verification): Promise<SignedIn | undefined> {
  const { bearer, cookie, apiKey, rootKey } = presented;
  const ofBearer = bearer === undefined ? undefined : await bearerSession(bearer, by);
  if (cookie === undefined) return ofBearer?.person;
  const ofCookie = await namedSession(sessionIdOf(cookie.value), by);
  if (ofBearer === undefined && apiKey === undefined && rootKey === undefined) assertOwnPage(ofCookie.session, cookie);
  if (ofBearer !== undefined && ofBearer.person.userId !== ofCookie.person.userId) throw unauthenticated();
  return (ofBearer ?? ofCookie).person;
}

interface LiveSession {
  session: SessionDocument;
  person: SignedIn;
}

async function bearerSession(token: string, by: Verification): Promise<LiveSession> {
  const claims = await accessTokenClaims(token, by);
  const named = await namedSession(claims?.sessionId, by);
  if (named.person.userId !== claims?.userId) throw unauthenticated();
  return named;
}

async function namedSession(sessionId: string | undefined, by: Verification): Promise<LiveSession> {
  const session = sessionId === undefined ? undefined : await liveSession(sessionId, by);
  if (sessionId === undefined || session === undefined) throw unauthenticated();
  return { session, person: signedIn(sessionId, session) };
}

async function verifyApiKey(text: string, by: Verification): Promise<Caller> {
  if (!hasApiKeyForm(text)) throw unauthenticated();
  const known = await knownKey(apiKeyHash(text), by);
  if (known === undefined || !isLive(known.key, by.clock.now())) throw unauthenticated();
  const { keyId, scopes } = known.key;
  return { kind: "key", credentialId: keyId, keyId, org: known.org, scopes };
}

async function knownKey(hash: string, by: Verification): Promise<KnownKey | undefined> {
  const cache = cacheOf(by.documents);
  const cached = cache.get(hash);
  if (cached !== undefined) return cached;
  const key = (await by.documents.get<ApiKeyDocument>(`apiKeys/${hash}`)).body;
  if (key === undefined) return undefined;
  const org = (await by.documents.get<OrgAccessDocument>(`orgs/${key.org}`)).body;
  if (org === undefined || org.state !== "ACTIVE") return undefined;
  const known = { key, org: { slug: org.slug, key: key.org, orgId: org.orgId } };
  if (isLive(key, by.clock.now())) cache.set(hash, known);
  return known;
}

function cacheOf(documents: Documents): LRUCache<string, KnownKey> {
  let cache = caches.get(documents);
  if (cache === undefined) {
    cache = new LRUCache<string, KnownKey>({ max: 1000, ttl: cacheMilliseconds });
    caches.set(documents, cache);
  }
  return cache;
}

function isLive(key: ApiKeyDocument, now: Date): boolean {
  return key.state !== "REVOKED" && (key.expiresAt === null || Date.parse(key.expiresAt) > now.getTime());
}

function isRootKey(presented: string, rootKey: string | undefined): boolean {
  if (rootKey === undefined) return false;
  const digest = (text: string): Buffer => createHash("sha256").update(text, "utf8").digest();
  return timingSafeEqual(digest(presented), digest(rootKey));
}
