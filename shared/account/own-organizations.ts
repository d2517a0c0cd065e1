import { type Static, Type } from "@sinclair/typebox";
import { type MembershipDocument, type Role, roles } from "#shared/access/roles.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { Transaction } from "#shared/platform/documents/documents.ts";
import { allDocuments } from "#shared/platform/documents/pages.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";

/** An organization as one of its members sees it in their own account. */
export const OwnOrganization = strictObject({
  org_slug: Type.String(),
  company_name: Type.String(),
  role: choice(roles),
  status: Type.String({ description: "State of the organization" }),
});
export type OwnOrganization = Static<typeof OwnOrganization>;

/** The memberships a person has, ended ones left out. */
export async function ownMemberships(userId: string, from: Pick<Transaction, "list">): Promise<MembershipDocument[]> {
  const memberships = await allDocuments<MembershipDocument>({ collection: `users/${userId}/memberships` }, from);
  return memberships.map(({ body }) => body).filter(({ status }) => status === "ACTIVE");
}

/** The organizations a person belongs to, by slug; those that were erased are gone. */
export async function ownOrganizations(
  userId: string,
  from: Pick<Transaction, "list" | "getAll">,
): Promise<OwnOrganization[]> {
  const memberships = await ownMemberships(userId, from);
  if (memberships.length === 0) return [];
  const organizations = await from.getAll<OrgDocument>(memberships.map(({ org }) => orgPath(org)));
  return memberships
    .flatMap(({ role }: { role: Role }, at): OwnOrganization[] => {
      const org = organizations[at]?.body;
      if (org === undefined || (org.state !== "ACTIVE" && org.state !== "DELETED")) return [];
      return [{ org_slug: org.slug, company_name: org.companyName, role, status: org.state }];
    })
    .sort((one, other) => (one.org_slug < other.org_slug ? -1 : 1));
}
