import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { type MembershipDocument, roles } from "#shared/access/roles.ts";
import { plans } from "#shared/plans/plans.ts";
import { effectiveSubscription, type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { allDocuments, type WholeQuery } from "#shared/platform/documents/pages.ts";
import { emptyQuota, type QuotaDocument } from "#shared/quotas/quota.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import { seatsOf } from "#shared/quotas/seats.ts";
import { choice, nullable, paging, strictObject } from "#shared/runtime/schema.ts";
import { endedStatuses, InviteAnswer, type InviteDocument, inviteAnswer } from "./invite.ts";
import { MemberAnswer, memberAnswer } from "./member.ts";
import { operatedOrganization } from "./members-store.ts";

export const MembersQuery = strictObject(paging());
export type MembersQuery = Static<typeof MembersQuery>;

export const MembersList = strictObject({
  members: Type.Array(MemberAnswer),
  invites: Type.Array(InviteAnswer, { description: "The newest that have not ended; all: GET invites" }),
  seats: strictObject({
    used: Type.Integer({ minimum: 0, description: "Members and held seats" }),
    held: Type.Integer({ minimum: 0, description: "For open invites" }),
    limit: nullable(Type.Integer({ minimum: 0 })),
  }),
  next_cursor: nullable(Type.String()),
});
export type MembersList = Static<typeof MembersList>;

export const InvitesQuery = strictObject({
  status: choice(["PENDING", ...endedStatuses], { default: "PENDING" }),
  ...paging(),
});
export type InvitesQuery = Static<typeof InvitesQuery>;

export const InvitesList = strictObject({ invites: Type.Array(InviteAnswer), next_cursor: nullable(Type.String()) });
export type InvitesList = Static<typeof InvitesList>;

export const EmailsQuery = strictObject({ role: Type.Optional(choice(roles)) });
export type EmailsQuery = Static<typeof EmailsQuery>;

export const EmailsList = strictObject({ emails: Type.Array(Type.String()) });
export type EmailsList = Static<typeof EmailsList>;

/** The people of an organization in the order they joined, its open invites, and its seats as they stand now. */
export async function membersOf(org: OrgIdentity, query: MembersQuery, documents: Documents): Promise<MembersList> {
  const [page, { invites }, seats] = await Promise.all([
    documents.list<MembershipDocument>({ ...activeMembers(org), ...query }),
    invitesOf(org, { status: "PENDING", limit: 50 }, documents),
    presentSeats(org, documents),
  ]);
  return {
    members: page.documents.map(({ body }) => memberAnswer(body)),
    invites,
    seats,
    next_cursor: page.next ?? null,
  };
}

/** Invites of one kind, newest first; PENDING are also those whose time is over, shown as EXPIRED. */
export async function invitesOf(org: OrgIdentity, query: InvitesQuery, documents: Documents): Promise<InvitesList> {
  const page = await documents.list<InviteDocument>({
    collection: `orgs/${org.key}/invites`,
    filters: [{ field: "status", is: "==", value: query.status }],
    orderBy: [{ field: "createdAt", direction: "desc" }],
    limit: query.limit,
    cursor: query.cursor,
  });
  return { invites: page.documents.map(({ body }) => inviteAnswer(body, page.readAt)), next_cursor: page.next ?? null };
}

/** The addresses of the organization's people, of one role or all, sorted. `ORG_NOT_FOUND`. */
export async function memberEmails(slug: string, role: EmailsQuery["role"], documents: Documents): Promise<EmailsList> {
  const { org } = await operatedOrganization(slug, documents);
  const members = await allDocuments<MembershipDocument>(activeMembers(org), documents);
  const asked = members.filter(({ body }) => role === undefined || body.role === role);
  return { emails: asked.map(({ body }) => body.email).sort() };
}

function activeMembers(org: OrgIdentity) {
  return {
    collection: `orgs/${org.key}/members`,
    filters: [{ field: "status", is: "==", value: "ACTIVE" }],
    orderBy: [{ field: "joinedAt", direction: "asc" }],
  } satisfies WholeQuery;
}

async function presentSeats(org: OrgIdentity, documents: Documents): Promise<MembersList["seats"]> {
  const [quota, subscription] = await documents.getAll<object>([quotaPath(org), subscriptionPath(org)]);
  const now = quota?.readAt ?? new Date();
  const stored = subscription?.body as SubscriptionDocument | undefined;
  const { limits } = effectiveSubscription(stored, await plans(), now);
  return { ...seatsOf((quota?.body as QuotaDocument | undefined) ?? emptyQuota(now), now), limit: limits.seats };
}
