import { datasetViews, ensureViews } from "#shared/bootstrap/dataset-views.ts";
import { ensureTables } from "#shared/bootstrap/ensure-tables.ts";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { MadeDataset } from "./onboarding-report.ts";

/**
 * Makes what is missing of an organization's dataset, its tables and views; nothing that stands is touched but, where
 * it is adopted, its label: the caller has seen that no organization holds it. Throws
 * `DATASET_EXISTS` for a dataset of that name with another label, `WAREHOUSE_UNAVAILABLE`.
 */
export async function makeDataset(
  wanted: { id: string; location: string; orgId: string; isAdopted: boolean },
  warehouse: Warehouse,
): Promise<MadeDataset> {
  const { id, location, orgId, isAdopted } = wanted;
  const config = await loadTableConfig("organizations");
  const dataset = { id, label: orgId, location, description: config.dataset.description };
  const { created: datasetCreated, label } = await warehouse.ensureDataset(dataset);
  if (isAdopted) await warehouse.labelDataset(id, orgId);
  else if (!datasetCreated && label?.toLowerCase() !== orgId.toLowerCase()) {
    throw new AppError("DATASET_EXISTS", "A dataset of this name exists and is not this organization's.");
  }
  const tables = [...config.tables, ...config.extensionTables];
  const { created, existing, failed } = await ensureTables(dataset, tables, warehouse);
  if (failed.length === 0) failed.push(...(await ensureViews(dataset, datasetViews(config), warehouse)).failed);
  if (failed.length > 0) {
    const message = `${failed.length} tables or views could not be made; call again to go on.`;
    const fields = failed.map(({ table, problem }) => ({ path: `/tables/${table}`, problem }));
    throw new AppError("WAREHOUSE_UNAVAILABLE", message, { retryable: true, fields });
  }
  // An earlier attempt may have made it elsewhere, and a dataset does not move.
  const standing = datasetCreated ? undefined : await warehouse.describeDataset(id);
  return { datasetCreated, location: standing?.location ?? location, created, existing };
}
