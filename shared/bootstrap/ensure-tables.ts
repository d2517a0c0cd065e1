import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { Dataset, Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { tableCallsAtOnce, workThrough } from "./at-most.ts";

/** What stands after tables or views of a dataset were ensured; the lists are sorted and disjoint. */
export interface EnsuredTables {
  created: string[];
  existing: string[];
  failed: Failure[];
}

export interface Failure {
  table: string;
  problem: string;
}

/** Creates the tables that are missing, at most five at a time. A table that fails does not stop the others. */
export function ensureTables(
  dataset: Pick<Dataset, "id">,
  tables: readonly TableDefinition[],
  warehouse: Pick<Warehouse, "ensureTable">,
): Promise<EnsuredTables> {
  return ensureEach(tables, (table) => warehouse.ensureTable(dataset.id, table));
}

/** Ensures each by its own call; what fails is answered, not thrown. */
export async function ensureEach<Named extends { name: string }>(
  items: readonly Named[],
  ensure: (item: Named) => Promise<{ created: boolean }>,
): Promise<EnsuredTables> {
  const result: EnsuredTables = { created: [], existing: [], failed: [] };
  await workThrough(items, tableCallsAtOnce, async (item) => {
    try {
      const { created } = await ensure(item);
      (created ? result.created : result.existing).push(item.name);
    } catch (error) {
      result.failed.push({ table: item.name, problem: error instanceof Error ? error.message : String(error) });
    }
  });
  const failed = result.failed.sort((one, other) => (one.table < other.table ? -1 : 1));
  return { created: result.created.sort(), existing: result.existing.sort(), failed };
}
