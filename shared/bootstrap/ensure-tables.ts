import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { Dataset, Warehouse } from "#shared/platform/warehouse/warehouse.ts";

/** What stands after the tables of a dataset were ensured; the lists are sorted and disjoint. */
export interface EnsuredTables {
  created: string[];
  existing: string[];
  failed: { table: string; problem: string }[];
}

const atOnce = 5;

/** Creates the tables that are missing, at most five at a time. A table that fails does not stop the others. */
export async function ensureTables(
  dataset: Pick<Dataset, "id">,
  tables: readonly TableDefinition[],
  warehouse: Warehouse,
): Promise<EnsuredTables> {
  const result: EnsuredTables = { created: [], existing: [], failed: [] };
  const waiting = [...tables];
  const work = async (): Promise<void> => {
    for (let table = waiting.shift(); table !== undefined; table = waiting.shift()) {
      const { name } = table;
      try {
        const { created } = await warehouse.ensureTable(dataset.id, table);
        (created ? result.created : result.existing).push(name);
      } catch (error) {
        result.failed.push({ table: name, problem: error instanceof Error ? error.message : String(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  const failed = result.failed.sort((one, other) => (one.table < other.table ? -1 : 1));
  return { created: result.created.sort(), existing: result.existing.sort(), failed };
}
