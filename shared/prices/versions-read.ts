import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { orgPrices } from "./org-prices.ts";
import type { PriceVersion } from "./price.ts";

/** Every version an organization ever wrote, overrides and withdrawn ones too. */
export async function ownOf(org: OrgIdentity, documents: Documents): Promise<readonly PriceVersion[]> {
  return (await orgPrices(org, 0, documents)).prices;
}
