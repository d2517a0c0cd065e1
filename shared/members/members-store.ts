import type { OrgIdentity } from "#shared/access/caller.ts";
import { orgKeyOf } from "#shared/access/org-slug.ts";
import { type MembershipDocument, membershipPath, ownMembershipPath } from "#shared/access/roles.ts";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import type { Transaction } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { activeMember } from "./member.ts";

/** Ids come from outside and become part of a path. */
export function isUserId(text: string): boolean {
  return /^usr_[0-9A-HJKMNP-TV-Z]{26}$/.test(text);
}

/** The membership of the person in the organization with its twin read too, so that both can be written; active or not. */
export async function readMembership(
  orgKey: string,
  userId: string,
  change: Change,
): Promise<MembershipDocument | undefined> {
  const paths = [membershipPath(orgKey, userId), ownMembershipPath(userId, orgKey)];
  const [membership] = await change.getAll<MembershipDocument>(paths);
  return membership?.body;
}

/** As `readMembership`; 404 for who is no active member, for an id that is none without a look. */
export async function readMember(orgKey: string, userId: string, change: Change): Promise<MembershipDocument> {
  return activeMember(isUserId(userId) ? await readMembership(orgKey, userId, change) : undefined);
}

/** Writes the membership and its twin; both were read in this transaction. */
export function writeMembership(membership: MembershipDocument, change: Change): void {
  const { org, userId } = membership;
  change.set<MembershipDocument>(membershipPath(org, userId), membership);
  change.set<MembershipDocument>(ownMembershipPath(userId, org), membership);
}

export function organizationPath(orgKey: string): string {
  return `orgs/${orgKey}`;
}

/** The organization while it is ACTIVE. */
export async function activeOrganization(
  orgKey: string,
  tx: Pick<Transaction, "get">,
): Promise<OrgDocument | undefined> {
  const { body } = await tx.get<OrgDocument>(organizationPath(orgKey));
  return body?.state === "ACTIVE" ? body : undefined;
}

/** The organization that the platform's operator names, while it is ACTIVE; else `ORG_NOT_FOUND`. */
export async function operatedOrganization(
  slug: string,
  tx: Pick<Transaction, "get">,
): Promise<{ org: OrgIdentity; organization: OrgDocument }> {
  const key = orgKeyOf(slug);
  const organization = key === undefined ? undefined : await activeOrganization(key, tx);
  if (key === undefined || organization === undefined)
    throw new AppError("ORG_NOT_FOUND", "There is no such organization.");
  return { org: { slug: organization.slug, key, orgId: organization.orgId }, organization };
}
