import type { OrgIdentity } from "#shared/access/caller.ts";
import { type MembershipDocument, membershipPath } from "#shared/access/roles.ts";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import type { Transaction } from "#shared/platform/documents/documents.ts";
import { organizationPath } from "./members-store.ts";

/** Who is told by mail of what concerns the whole organization. */
export interface Informed {
  to: string;
  company: string;
  /** The organization's. */
  language: string;
}

/** The owner, or the address that the organization was made for while there is none; undefined where there is no organization. */
export async function informedOf(
  org: Pick<OrgIdentity, "key">,
  tx: Pick<Transaction, "get">,
): Promise<Informed | undefined> {
  const { body } = await tx.get<OrgDocument>(organizationPath(org.key));
  if (body === undefined) return undefined;
  const { ownerUserId = null, adminEmail, companyName, locale } = body;
  const owner =
    ownerUserId === null ? undefined : (await tx.get<MembershipDocument>(membershipPath(org.key, ownerUserId))).body;
  const to = owner?.email ?? adminEmail;
  return { to, company: companyName, language: locale.defaultLanguage };
}
