import type { OrgIdentity } from "#shared/access/caller.ts";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Dataset, Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import type { Change } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { existingOrg } from "./organization.ts";
import { organizationNamed } from "./organization-named.ts";
import { readOrganization, storeOrganization } from "./organization-store.ts";

/**
 * The dataset of an ACTIVE organization, made anew where it is gone. What the ledger still knows went with it, so the
 * epoch grows first: after a crash in between it grows once more, and never are months shown whose rows are gone.
 * Throws `ORG_NOT_FOUND`, and `DATASET_NOT_OURS` where a dataset of that name carries another label.
 */
export async function ownDataset(
  slug: string,
  effects: { commit<R>(body: (change: Change) => Promise<R>): Promise<R> },
  given: { documents: Documents; warehouse: Warehouse },
): Promise<{ org: OrgIdentity; dataset: Dataset; created: boolean }> {
  const org = await organizationNamed(slug, given.documents);
  const { org: document } = await readOrganization(org, given.documents);
  const { description } = (await loadTableConfig("organizations")).dataset;
  const dataset = { ...document.dataset, label: org.orgId, description };
  const standing = await given.warehouse.describeDataset(dataset.id);
  if (standing === undefined) await effects.commit((change) => nextEpoch(org, change));
  const { created, label } = await given.warehouse.ensureDataset(dataset);
  if (label?.toLowerCase() !== org.orgId.toLowerCase())
    throw new AppError("DATASET_NOT_OURS", "The dataset of this organization's name is not its own.");
  return { org, dataset, created };
}

async function nextEpoch(org: OrgIdentity, change: Change): Promise<void> {
  const read = await readOrganization(org, change);
  existingOrg(read.org.state === "ACTIVE" ? read.org : undefined);
  const next = { ...read.org, ledgerEpoch: read.org.ledgerEpoch + 1, cacheEpoch: read.org.cacheEpoch + 1 };
  storeOrganization(read, next, change);
}
