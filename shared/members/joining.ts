import type { SignedIn } from "#shared/access/caller.ts";
import type { MembershipDocument } from "#shared/access/roles.ts";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import { type PersonDocument, userPath } from "#shared/people/person.ts";
import { type ReadSeats, readSeats, writeSeats } from "#shared/quotas/seat-change.ts";
import { withMember, withoutHold } from "#shared/quotas/seats.ts";
import type { Change } from "#shared/runtime/change.ts";
import { ended, type InviteDocument, inviteNotFound, invitePath } from "./invite.ts";
import { endToken, type FoundInvite } from "./invite-found.ts";
import { organizationPath, readMembership, writeMembership } from "./members-store.ts";

/** The person that joins: who is signed in. */
export type Joiner = Pick<SignedIn, "userId" | "email">;

/** All that one transaction has read to let a person in. */
export interface Joining {
  found: FoundInvite;
  person: Joiner & { name: string | null };
  membership: MembershipDocument | undefined;
  /** Of the owner who makes room for a new one. */
  owner: MembershipDocument | undefined;
  seats: ReadSeats;
}

export async function readJoining(found: FoundInvite, joiner: Joiner, change: Change): Promise<Joining> {
  const { invite, organization, org } = found;
  const { body } = await change.get<PersonDocument>(userPath(joiner.userId));
  const membership = await readMembership(org.key, joiner.userId, change);
  const ownerId = invite.role === "owner" ? (organization.ownerUserId ?? null) : null;
  const owner =
    ownerId === null || ownerId === joiner.userId ? undefined : await readMembership(org.key, ownerId, change);
  const seats = await readSeats(org, change);
  return { found, person: { ...joiner, name: body?.name ?? null }, membership, owner, seats };
}

/**
 * The invite's hold becomes a membership; for an owner's invite the organization has its one owner, and who was it is
 * admin. Who is a member already keeps the seat. Throws `PLAN_LIMIT_REACHED` without a hold and a free seat, and
 * `INVITE_NOT_FOUND` for an owner's invite that another owner has made void.
 */
export function join(joining: Joining, change: Change): { membership: MembershipDocument; invite: InviteDocument } {
  const { found, person, membership, seats } = joining;
  const { invite, org } = found;
  const { now, quota } = seats;
  if (joining.owner?.status === "ACTIVE" && !invite.replacesOwner) throw inviteNotFound();
  const isMember = membership?.status === "ACTIVE";
  const next = isMember
    ? { ...membership, role: invite.role === "owner" ? invite.role : membership.role }
    : newMembership(person, { org: org.key, role: invite.role }, now);
  const limit = seats.subscription.limits.seats;
  writeSeats(
    seats,
    isMember ? withoutHold(quota, invite.inviteId, now) : withMember(quota, invite.inviteId, limit, now),
    change,
  );
  const accepted = ended(invite, "ACCEPTED", now, person.userId);
  writeMembership(next, change);
  change.set<InviteDocument>(invitePath(org.key, invite.inviteId), accepted);
  endToken(found, now, change);
  if (invite.role === "owner") writeOwner(joining, change);
  return { membership: next, invite: accepted };
}

/** A person's first day in an organization; also of who makes one and owns it at once. */
export function newMembership(
  person: Joiner & { name: string | null },
  as: Pick<MembershipDocument, "org" | "role">,
  now: Date,
): MembershipDocument {
  const { userId, email, name } = person;
  return { userId, ...as, status: "ACTIVE", email, name, joinedAt: now.toISOString(), lastSeenAt: null };
}

function writeOwner({ found, person, owner }: Joining, change: Change): void {
  const { org, organization } = found;
  change.set<OrgDocument>(organizationPath(org.key), { ...organization, ownerUserId: person.userId });
  if (owner?.status === "ACTIVE") writeMembership({ ...owner, role: "admin" }, change);
}
