import { type Static, Type } from "@sinclair/typebox";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import type { MembershipDocument } from "#shared/access/roles.ts";
import { unauthenticated } from "#shared/access/verify.ts";
import { mailMessage, sealMailToken } from "#shared/mail/mail-message.ts";
import { readMembership, writeMembership } from "#shared/members/members-store.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import { type EmailDocument, emailPath } from "#shared/people/email.ts";
import { type IdentityDocument, type PersonDocument, userPath } from "#shared/people/person.ts";
import type { Keys } from "#shared/platform/keys/keys.ts";
import { type ReadSeats, readSeats, writeSeats } from "#shared/quotas/seat-change.ts";
import { withoutMember } from "#shared/quotas/seats.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";
import {
  liveToken,
  liveTokensAbout,
  newOneTimeToken,
  oneTimeTokenHash,
  spendToken,
  storeToken,
} from "#shared/sessions/one-time-token.ts";
import { forgetSessions, type StoredSession, sessionsOf, sessionsPageSize } from "#shared/sessions/session.ts";
import { ownMemberships } from "./own-organizations.ts";
import { personCaller } from "./person-caller.ts";

export const DeletionUse = strictObject({ token: Type.String({ minLength: 1, maxLength: 100 }) });
export type DeletionUse = Static<typeof DeletionUse>;

export const DeletionSent = strictObject({ status: choice(["sent"]) });
export type DeletionSent = Static<typeof DeletionSent>;

export const AccountDeleted = strictObject({ user_id: Type.String(), status: choice(["DELETED"]) });
export type AccountDeleted = Static<typeof AccountDeleted>;

const linkMilliseconds = 30 * 60_000;

/** Mails the link that deletes the account; a former one is dead. `OWNER_REQUIRED` while the person owns an organization. */
export async function requestDeletion(
  caller: Caller,
  effects: Effects<DeletionSent>,
  given: { keys: Keys } & Surroundings,
): Promise<DeletionSent> {
  const { userId, email } = personCaller(caller);
  const { token, hash } = newOneTimeToken("erase");
  const mailToken = await sealMailToken(token, given);
  return effects.commit(async (change) => {
    const former = await liveTokensAbout("erase", userId, change);
    const person = (await change.get<PersonDocument>(userPath(userId))).body;
    await refuseOwner(await ownMemberships(userId, change), change);
    await effects.prepare(change);
    const expiresAt = new Date(change.now.getTime() + linkMilliseconds);
    for (const one of former) spendToken(one, change.now, change);
    storeToken(hash, { kind: "erase", subject: userId, expiresAt }, change);
    const language = person?.language ?? "en";
    change.publish(
      mailMessage({ name: "account-deletion", to: email, values: {}, token: mailToken, language }, given.ids),
    );
    const answer: DeletionSent = { status: "sent" };
    effects.conclude(change, answer, { resourceId: userId });
    return answer;
  });
}

/**
 * Deletes the account a mailed token names, in one transaction: identities and sessions go, memberships end and free their
 * seats, e-mail and name are replaced; audit rows keep the bare id. One `UNAUTHENTICATED` for a token that is none, used
 * or too old; `OWNER_REQUIRED` when the person owns an organization by now.
 */
export async function deleteAccount({ token }: DeletionUse, effects: Effects<AccountDeleted>): Promise<AccountDeleted> {
  const hash = oneTimeTokenHash(token, "erase");
  if (hash === undefined) throw unauthenticated();
  while (await hasEndedSessions(hash, effects));
  return effects.commit(async (change) => {
    const live = await liveToken(hash, "erase", change);
    if (live === undefined) throw unauthenticated();
    const account = await readAccount(live.document.subject, change);
    const { person } = account;
    spendToken(live, change.now, change);
    for (const path of account.identityPaths) change.delete(path);
    if (account.ownsAddress && person.email !== null) change.delete(emailPath(person.email));
    forgetSessions(account.sessions, change.now, change);
    for (const leaving of account.leaving) leave(leaving, change, effects);
    change.set<PersonDocument>(userPath(person.userId), { ...person, email: null, name: null, state: "DELETED" });
    const answer: AccountDeleted = { user_id: person.userId, status: "DELETED" };
    effects.audit(change, { userId: person.userId, resourceId: person.userId });
    return answer;
  });
}

/** More sessions than one transaction takes end page by page before the account does; false when one page is left. */
function hasEndedSessions(hash: string, effects: Effects<AccountDeleted>): Promise<boolean> {
  return effects.commit(async (change) => {
    const live = await liveToken(hash, "erase", change);
    if (live === undefined) throw unauthenticated();
    const sessions = await sessionsOf(live.document.subject, change.now, change);
    if (sessions.length < sessionsPageSize) return false;
    forgetSessions(sessions, change.now, change);
    return true;
  });
}

/** One organization the person leaves with their account. */
interface Leaving {
  org: OrgIdentity;
  membership: MembershipDocument;
  seats: ReadSeats;
}

interface Account {
  person: PersonDocument;
  ownsAddress: boolean;
  identityPaths: string[];
  sessions: StoredSession[];
  leaving: Leaving[];
}

async function readAccount(userId: string, change: Change): Promise<Account> {
  const person = (await change.get<PersonDocument>(userPath(userId))).body;
  if (person?.state !== "ACTIVE") throw unauthenticated();
  const address = person.email === null ? undefined : (await change.get<EmailDocument>(emailPath(person.email))).body;
  const identities = await change.list<IdentityDocument>({
    collection: "identities",
    filters: [{ field: "userId", is: "==", value: userId }],
    limit: 100,
  });
  const sessions = await sessionsOf(userId, change.now, change);
  const memberships = await ownMemberships(userId, change);
  await refuseOwner(memberships, change);
  const leaving: Leaving[] = [];
  for (const { org } of memberships) leaving.push(...(await readLeaving(org, userId, change)));
  return {
    person,
    ownsAddress: address?.userId === userId,
    identityPaths: identities.documents.map(({ path }) => path),
    sessions,
    leaving,
  };
}

async function readLeaving(orgKey: string, userId: string, change: Change): Promise<Leaving[]> {
  const organization = (await change.get<OrgDocument>(orgPath(orgKey))).body;
  const membership = await readMembership(orgKey, userId, change);
  if (organization === undefined || membership?.status !== "ACTIVE") return [];
  const org = { slug: organization.slug, key: orgKey, orgId: organization.orgId };
  return [{ org, membership, seats: await readSeats(org, change) }];
}

function leave({ org, membership, seats }: Leaving, change: Change, effects: Effects<AccountDeleted>): void {
  const { userId, role } = membership;
  writeMembership({ ...membership, status: "REMOVED", email: "", name: null }, change);
  writeSeats(seats, withoutMember(seats.quota, seats.now), change);
  effects.audit(change, { action: "member.left", org, userId, resourceId: userId, details: { role } });
}

/** A deleted organization needs its owner no more. */
async function refuseOwner(memberships: readonly MembershipDocument[], change: Change): Promise<void> {
  const owned = memberships.filter(({ role }) => role === "owner");
  if (owned.length === 0) return;
  const organizations = await change.getAll<OrgDocument>(owned.map(({ org }) => orgPath(org)));
  const standing = organizations.find(({ body }) => body?.state === "ACTIVE" || body?.state === "PROVISIONING")?.body;
  if (standing === undefined) return;
  throw new AppError("OWNER_REQUIRED", `You own the organization ${standing.slug}: transfer or delete it first.`);
}
