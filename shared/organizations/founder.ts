import type { OrgIdentity, SignedIn } from "#shared/access/caller.ts";
import type { MembershipDocument } from "#shared/access/roles.ts";
import { mailMessage } from "#shared/mail/mail-message.ts";
import type { InviteDocument } from "#shared/members/invite.ts";
import { type ReadReceived, readReceived } from "#shared/members/invites-store.ts";
import { newMembership } from "#shared/members/joining.ts";
import { readMembership, writeMembership } from "#shared/members/members-store.ts";
import { writeOwnerInvite } from "#shared/members/owner-invite.ts";
import { type PersonDocument, userPath } from "#shared/people/person.ts";
import type { QuotaDocument } from "#shared/quotas/quota.ts";
import { withMember } from "#shared/quotas/seats.ts";
import type { Change } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import type { OrgDocument } from "./organization.ts";
import { slugRetired } from "./slug-lease.ts";

/** For whom an organization is made: somebody the operator names (empty: nobody), or the person who asks. */
export type Founder = { kind: "invited"; email: string } | { kind: "person"; person: SignedIn };

const mostOwned = 10;
const mostPerDay = 3;

/** What one transaction has read of the founder. */
export interface ReadFounder {
  founder: Founder;
  received: ReadReceived | undefined;
  person: PersonDocument | undefined;
  membership: MembershipDocument | undefined;
  own: readonly MembershipDocument[];
}

export async function readFounder(
  org: Pick<OrgIdentity, "key">,
  founder: Founder,
  change: Change,
): Promise<ReadFounder> {
  if (founder.kind === "invited") {
    const received = founder.email === "" ? undefined : await readReceived(founder.email, change);
    return { founder, received, person: undefined, membership: undefined, own: [] };
  }
  const { userId } = founder.person;
  const { body } = await change.get<PersonDocument>(userPath(userId));
  const membership = await readMembership(org.key, userId, change);
  const { documents } = await change.list<MembershipDocument>({
    collection: `users/${userId}/memberships`,
    limit: 500,
  });
  const own = documents
    .map((found) => found.body)
    .filter(({ status, role }) => status === "ACTIVE" && role === "owner");
  return { founder, received: undefined, person: body, membership, own };
}

/**
 * Throws when a person has made, or owns, as many organizations as one person may, or would take one over that comes
 * back and is somebody else's.
 */
export function refuseFounder(
  read: ReadFounder,
  standing: { key: string; org: OrgDocument | undefined; now: Date },
): void {
  const { founder, own } = read;
  const { key, now } = standing;
  if (founder.kind === "invited") return;
  const owner = standing.org?.ownerUserId ?? null;
  if (owner !== null && owner !== founder.person.userId) throw slugRetired();
  const today = now.toISOString().slice(0, 10);
  const others = own.filter(({ org }) => org !== key);
  const isDayFull = others.filter(({ joinedAt }) => joinedAt.startsWith(today)).length >= mostPerDay;
  if (!isDayFull && others.length < mostOwned) return;
  const limit = isDayFull ? `${mostPerDay} in a day` : `${mostOwned}`;
  throw new AppError("PLAN_LIMIT_REACHED", `Plan limit reached. Max organizations of one person: ${limit}.`, {
    extra: { quota: "organizations" },
    fields: [{ path: "/quota/organizations", problem: `limit of ${limit} is reached` }],
  });
}

/** Writes the owner's membership and welcome, or the invite, whose mail is one; answers the quota that counts the seat, and who owns the organization. */
export function writeFounder(
  read: ReadFounder,
  at: { org: OrgIdentity; organization: OrgDocument; inviteId: string },
  seats: { quota: QuotaDocument; limit: number | null; now: Date },
  by: { change: Change; given: Pick<Surroundings, "ids"> },
): { quota: QuotaDocument; ownerUserId: string | null; invite: InviteDocument | undefined } {
  const { founder, received, membership } = read;
  const { org, organization, inviteId } = at;
  const ownerUserId = organization.ownerUserId ?? null;
  if (founder.kind === "person") {
    const { userId } = founder.person;
    const isMember = membership?.status === "ACTIVE";
    const fresh = newMembership(
      { ...founder.person, name: read.person?.name ?? null },
      { org: org.key, role: "owner" },
      seats.now,
    );
    // Of two organizations that one person makes at once the second counts the first: both write the person.
    if (read.person !== undefined) by.change.set<PersonDocument>(userPath(userId), read.person);
    writeMembership(isMember ? { ...membership, role: "owner" } : fresh, by.change);
    welcome(founder.person.email, at, by);
    const quota = isMember ? seats.quota : withMember(seats.quota, undefined, seats.limit, seats.now);
    return { quota, ownerUserId: userId, invite: undefined };
  }
  if (received === undefined || ownerUserId !== null) {
    // Who owned the organization before it was deleted needs no invite.
    if (founder.email !== "") welcome(founder.email, at, by);
    return { quota: seats.quota, ownerUserId, invite: undefined };
  }
  const invited = {
    org,
    organization,
    email: founder.email,
    inviteId,
    replacesOwner: false,
    needsSeat: true,
    received,
  };
  return { ...writeOwnerInvite(invited, seats, by.change, by.given), ownerUserId };
}

function welcome(
  to: string,
  { org, organization }: { org: OrgIdentity; organization: OrgDocument },
  { change, given }: { change: Change; given: Pick<Surroundings, "ids"> },
): void {
  const { companyName: company, locale } = organization;
  const mail = { name: "welcome" as const, to, values: { company }, language: locale.defaultLanguage };
  change.publish(mailMessage(mail, given.ids), org);
}
