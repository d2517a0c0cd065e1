import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { mailMessage } from "#shared/mail/mail-message.ts";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import { personOf } from "#shared/people/person.ts";
import type { QuotaDocument } from "#shared/quotas/quota.ts";
import { type ReadSeats, readSeats, writeSeats } from "#shared/quotas/seat-change.ts";
import { holdsSeat, withHold, withoutHold } from "#shared/quotas/seats.ts";
import type { Change } from "#shared/runtime/change.ts";
import { type Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";
import { ended, type InviteAnswer, type InviteDocument, inviteAnswer, invitePath, newInvite } from "./invite.ts";
import { invitedAddress } from "./invite-create.ts";
import { enterReceived, type ReadReceived, readReceived, refuseSecondInvite } from "./invites-store.ts";
import { operatedOrganization, readMembership } from "./members-store.ts";
import { remindLater } from "./owner-reminder.ts";

export const OwnerInviteRequest = strictObject({
  email: plainText(3, 300),
  replace: Type.Optional(Type.Boolean({ default: false })),
});
export type OwnerInviteRequest = Static<typeof OwnerInviteRequest>;

type Ids = Pick<Surroundings, "ids">;

/** An owner invite about to be written: 30 days, accepted by signing in with its address, so it has no token. */
export interface OwnerInvite {
  org: OrgIdentity;
  organization: Pick<OrgDocument, "companyName" | "locale">;
  email: string;
  inviteId: string;
  /** The organization has an owner, who becomes admin when this is accepted. */
  replacesOwner: boolean;
  /** False for a member, who has one. */
  needsSeat: boolean;
  /** The address's other invites, as this transaction has read them. */
  received: ReadReceived;
}

/**
 * Writes an owner invite, its mail and its reminder; answers it with the quota that holds its seat, which the caller writes: the first
 * seat of an organization without owner for ever, so that nobody else takes it, a further one as long as the invite is
 * open. Throws `PLAN_LIMIT_REACHED`.
 */
export function writeOwnerInvite(
  asked: OwnerInvite,
  seats: { quota: QuotaDocument; limit: number | null; now: Date },
  change: Change,
  { ids }: Ids,
): { invite: InviteDocument; quota: QuotaDocument } {
  const { org, organization, email, inviteId, replacesOwner } = asked;
  const { now, limit } = seats;
  const fresh = { inviteId, org: org.key, email, role: "owner" as const, message: null, invitedBy: null };
  const invite = newInvite({ ...fresh, replacesOwner }, null, now);
  const hold = { inviteId, until: replacesOwner ? invite.expiresAt : null };
  const quota = asked.needsSeat ? withHold(seats.quota, hold, limit, now) : seats.quota;
  change.create<InviteDocument>(invitePath(org.key, inviteId), invite);
  remindLater(invite, now, change);
  enterReceived(asked.received, invite, change);
  const { companyName: company, locale } = organization;
  const mail = { name: "owner-invite" as const, to: email, values: { company }, language: locale.defaultLanguage };
  change.publish(mailMessage(mail, ids), org);
  return { invite, quota };
}

/**
 * A new owner invite, in place of those that are open. For an organization that has an owner only with `replace`:
 * accepting it makes the old owner admin. Throws `ORG_NOT_FOUND`, `OWNER_REQUIRED`, `ALREADY_MEMBER` for the owner's own
 * address, `INVITE_PENDING` for one with an ordinary invite, which the organization cancels, `PLAN_LIMIT_REACHED`.
 */
export async function inviteOwner(
  asked: { slug: string; request: OwnerInviteRequest },
  effects: Effects<InviteAnswer>,
  given: Ids,
): Promise<Reply<InviteAnswer>> {
  const { slug, request } = asked;
  const email = invitedAddress(request.email);
  const inviteId = given.ids.newId("inv");
  return effects.commit(async (change) => {
    const { org, organization } = await operatedOrganization(slug, change);
    const seats = await readSeats(org, change);
    const older = await openOwnerInvites(org, change);
    const received = await readReceived(email, change);
    const own = new Set(older.map((one) => one.inviteId));
    await refuseSecondInvite(received, { orgKey: org.key, except: own }, change);
    const isMember = await isPresentMember(org, organization, email, change);
    await effects.prepare(change);
    const replacesOwner = (organization.ownerUserId ?? null) !== null;
    if (replacesOwner && request.replace !== true)
      throw new AppError("OWNER_REQUIRED", "The organization has an owner; with replace the invited person follows.");
    const invite = replaceOwnerInvites(
      { org, organization, email, inviteId, replacesOwner, needsSeat: !isMember, received },
      { older, seats },
      change,
      given,
    );
    const reply = new Reply(201, inviteAnswer(invite, seats.now));
    const details = { email, role: "owner", replace: replacesOwner, cancelled: [...own] };
    effects.conclude(change, reply, { org, resourceId: inviteId, details });
    return reply;
  });
}

function replaceOwnerInvites(
  asked: OwnerInvite,
  { older, seats }: { older: readonly InviteDocument[]; seats: ReadSeats },
  change: Change,
  given: Ids,
): InviteDocument {
  const { now } = seats;
  const freed = older.reduce((quota, { inviteId }) => withoutHold(quota, inviteId, now), seats.quota);
  // A seat that changes hands is no further one, also where the limit was lowered meanwhile.
  const isHandedOn = older.some(({ inviteId }) => holdsSeat(seats.quota, inviteId, now));
  const limit = isHandedOn ? null : seats.subscription.limits.seats;
  const { invite, quota } = writeOwnerInvite(asked, { quota: freed, limit, now }, change, given);
  for (const one of older)
    change.set<InviteDocument>(invitePath(asked.org.key, one.inviteId), ended(one, "CANCELLED", now));
  writeSeats(seats, quota, change);
  return invite;
}

async function isPresentMember(
  org: OrgIdentity,
  { ownerUserId }: OrgDocument,
  email: string,
  change: Change,
): Promise<boolean> {
  const person = await personOf(email, change);
  if (person === undefined) return false;
  if (person.userId === ownerUserId) throw new AppError("ALREADY_MEMBER", "This person is the owner already.");
  return (await readMembership(org.key, person.userId, change))?.status === "ACTIVE";
}

async function openOwnerInvites(org: OrgIdentity, change: Change): Promise<InviteDocument[]> {
  const page = await change.list<InviteDocument>({
    collection: `orgs/${org.key}/invites`,
    filters: [
      { field: "status", is: "==", value: "PENDING" },
      { field: "role", is: "==", value: "owner" },
    ],
    limit: 100,
  });
  return page.documents.map(({ body }) => body);
}
