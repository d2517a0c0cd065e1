import type { OrgIdentity } from "#shared/access/caller.ts";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import { batchDaysOf, type PublishedDay, type PublishedMonth, pulledMonth } from "#shared/ledger/current-batches.ts";
import { isLineageColumn } from "#shared/lineage/lineage.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import type { Row } from "#shared/providers/provider.ts";

export const computedTable = "genai_computed_daily";
export const usageTable = "genai_usage_daily_raw";
export const billedTable = "genai_billed_daily_raw";
export const costTable = "cost_data_standard";

/** Where an organization's published rows lie. */
export interface Published {
  org: OrgIdentity;
  epoch: number;
  datasetId: string;
  documents: Documents;
  warehouse: Warehouse;
}

/**
 * Some months, each as it stands at one version. The days of a closed month are those that are held in place of the
 * published ones: what they cost by other prices is corrected against them.
 */
export function pulledMonths(
  months: readonly string[],
  { org, epoch, documents }: Published,
): Promise<PublishedMonth[]> {
  return Promise.all(months.map((month) => pulledMonth(org, month, epoch, documents)));
}

let tables: Promise<ReadonlyMap<string, TableDefinition>> | undefined;

export async function tableNamed(name: string): Promise<TableDefinition> {
  tables ??= loadTableConfig("organizations").then((config) => new Map(config.tables.map((each) => [each.name, each])));
  const table = (await tables).get(name);
  if (table === undefined) throw new Error(`there is no table ${name}`);
  return table;
}

/** The rows of one table on published days; without columns named, all that are not lineage. */
export async function rowsOfDays(
  name: string,
  days: readonly PublishedDay[],
  { datasetId, warehouse }: Published,
  columns?: readonly string[],
): Promise<Row[]> {
  const table = await tableNamed(name);
  const batches = batchDaysOf(days, name);
  if (batches.length === 0) return [];
  const own = table.columns.map((column) => column.name).filter((column) => !isLineageColumn(column));
  const asked = columns ?? [...new Set([...own, "x_source_record_id"])];
  const { rowsOf } = await import("#shared/platform/warehouse/frame.ts");
  return rowsOf(await warehouse.read({ datasetId, table }, batches, [...asked]), table);
}
