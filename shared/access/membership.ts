import { LRUCache } from "lru-cache";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Caller, OrgIdentity, SignedIn } from "./caller.ts";
import { orgKeyOf } from "./org-slug.ts";
import { roleScopes } from "./role-scopes.ts";
import { type MembershipDocument, membershipPath, ownMembershipPath, type Role } from "./roles.ts";
import { seenEveryMilliseconds, unlessContended } from "./session.ts";

/** What the access room reads of `orgs/{key}`. */
export interface OrgAccessDocument {
  slug: string;
  orgId: string;
  state: string;
}

interface Member {
  org: OrgIdentity;
  role: Role;
}

/** A role that was taken away counts no longer than this; less than 10 s, so that a slow read stays below them. */
const cacheMilliseconds = 9_000;

/** Per document store, so that two platforms in one process never share an answer. */
const caches = new WeakMap<Documents, LRUCache<string, Member>>();

/**
 * The person as a member of the organization with this slug; undefined when they are none, whether or not there is such
 * an organization. The role is the stored one, never one that a token claims.
 */
export async function memberCaller(
  person: SignedIn,
  slug: string | undefined,
  by: { documents: Documents; clock: { now(): Date } },
): Promise<(Caller & { kind: "member" }) | undefined> {
  const key = slug === undefined ? undefined : orgKeyOf(slug);
  if (key === undefined) return undefined;
  const member = await memberOf(person.userId, key, by);
  if (member === undefined) return undefined;
  const { credentialId, userId, email, sessionId, signedInAt } = person;
  const { org, role } = member;
  return {
    kind: "member",
    credentialId,
    userId,
    email,
    sessionId,
    signedInAt,
    org,
    role,
    scopes: roleScopes(role),
  };
}

async function memberOf(
  userId: string,
  orgKey: string,
  by: { documents: Documents; clock: { now(): Date } },
): Promise<Member | undefined> {
  const cache = cacheOf(by.documents);
  const cacheKey = `${userId} ${orgKey}`;
  const cached = cache.get(cacheKey);
  if (cached !== undefined) return cached;
  const [membership, org] = await by.documents.getAll<object>([membershipPath(orgKey, userId), `orgs/${orgKey}`]);
  const stored = membership?.body as MembershipDocument | undefined;
  const document = org?.body as OrgAccessDocument | undefined;
  if (stored?.status !== "ACTIVE" || document?.state !== "ACTIVE") return undefined;
  const member = { org: { slug: document.slug, key: orgKey, orgId: document.orgId }, role: stored.role };
  cache.set(cacheKey, member);
  const now = by.clock.now();
  if (now.getTime() - Date.parse(stored.lastSeenAt ?? stored.joinedAt) >= seenEveryMilliseconds)
    await noteSeen(userId, orgKey, now, by.documents);
  return member;
}

async function noteSeen(userId: string, orgKey: string, now: Date, documents: Documents): Promise<void> {
  const paths = [membershipPath(orgKey, userId), ownMembershipPath(userId, orgKey)];
  const seen = documents.transaction(async (tx) => {
    for (const { path, body } of await tx.getAll<MembershipDocument>(paths))
      if (body?.status === "ACTIVE") tx.set<MembershipDocument>(path, { ...body, lastSeenAt: now.toISOString() });
  });
  await seen.catch(unlessContended);
}

function cacheOf(documents: Documents): LRUCache<string, Member> {
  let cache = caches.get(documents);
  if (cache === undefined) {
    cache = new LRUCache<string, Member>({ max: 5_000, ttl: cacheMilliseconds });
    caches.set(documents, cache);
  }
  return cache;
}
