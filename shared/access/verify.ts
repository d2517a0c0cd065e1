import { createHash, timingSafeEqual } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Clock } from "#shared/platform/clock.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { apiKeyHash, hasApiKeyForm } from "./api-key.ts";
import type { Access, Caller, OrgIdentity } from "./caller.ts";
import { keyHolds } from "./scopes.ts";

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

/** What the access room reads of `orgs/{key}`. */
export interface OrgAccessDocument {
  slug: string;
  orgId: string;
  state: string;
}

export interface PresentedCredentials {
  rootKey: string | undefined;
  apiKey: string | undefined;
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
 * expired. With two credentials each must be valid and the narrower one - the organization's - decides.
 */
export async function verifyCaller(presented: PresentedCredentials, access: Access, by: Verification): Promise<Caller> {
  if (access.kind === "public") return { kind: "public", credentialId: "public" };
  if (access.kind === "root" && access.openInDevelopment && by.isDevelopment)
    return { kind: "public", credentialId: "public" };
  if (presented.rootKey !== undefined && !isRootKey(presented.rootKey, by.rootKey)) throw unauthenticated();
  if (presented.apiKey !== undefined) return verifyApiKey(presented.apiKey, by);
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
  if (caller.kind !== "key" || access.peopleOnly)
    throw new AppError("FORBIDDEN", "This needs a credential of the organization.");
  if (!keyHolds(caller.scopes, access.scope)) throw new AppError("FORBIDDEN", `This needs the scope ${access.scope}.`);
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
