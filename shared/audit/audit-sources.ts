import type { OrgIdentity } from "#shared/access/caller.ts";
import { orgKeyOf } from "#shared/access/org-slug.ts";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { AuditSource } from "./audit-log.ts";
import { type AuditChain, orgChain, platformChain } from "./seal-chain.ts";

const platformSlug = "_platform";

export function auditOf(org: OrgIdentity): AuditSource {
  return { slug: org.slug, collection: `orgs/${org.key}/audit` };
}

/** The rows that the operator asks for: of an organization in any state, or `_platform` for the platform's own. */
export async function auditNamed(slug: string, documents: Documents): Promise<AuditSource & { chain: AuditChain }> {
  if (slug.toLowerCase() === platformSlug)
    return { slug: platformSlug, collection: platformChain.rows, chain: platformChain };
  const key = orgKeyOf(slug);
  const body = key === undefined ? undefined : (await documents.get<OrgDocument>(`orgs/${key}`)).body;
  if (key === undefined || body === undefined) throw new AppError("ORG_NOT_FOUND", "There is no such organization.");
  const chain = orgChain({ key, orgId: body.orgId });
  return { slug: body.slug, collection: chain.rows, chain };
}
