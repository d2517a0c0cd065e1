import type { OrgIdentity } from "#shared/access/caller.ts";
import { orgKeyOf } from "#shared/access/org-slug.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { existingOrg, type OrgDocument, orgPath } from "./organization.ts";

/** The organization that the operator names, in any case, while it is ACTIVE; else 404. */
export async function organizationNamed(slug: string, documents: Documents): Promise<OrgIdentity> {
  const { identity, org } = await anyOrganizationNamed(slug, documents);
  existingOrg(org.state === "ACTIVE" ? org : undefined);
  return identity;
}

/** The same in any state in which it has an identity: PROVISIONING, ACTIVE, DELETED. */
export async function anyOrganizationNamed(
  slug: string,
  documents: Documents,
): Promise<{ identity: OrgIdentity; org: OrgDocument }> {
  const key = orgKeyOf(slug);
  const body = key === undefined ? undefined : (await documents.get<OrgDocument>(orgPath(key))).body;
  const org = existingOrg(body?.state === "ERASED" ? undefined : body);
  return { identity: { slug: org.slug, key: org.slug.toLowerCase(), orgId: org.orgId }, org };
}
