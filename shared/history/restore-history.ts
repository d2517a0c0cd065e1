import { createHash } from "node:crypto";
import type { HistoryRestorer } from "#shared/bootstrap/bootstrap.ts";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import type { HistoryEntry } from "#shared/runtime/change.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { snapshotSources } from "./snapshot-sources.ts";

type RestorePorts = { documents: Documents; warehouse: Warehouse } & Pick<Surroundings, "clock" | "ids">;

const rowsPerBatch = 5_000;

/**
 * Writes the current rows of history tables again from the documents whose history they are, as SNAPSHOT rows under the
 * versions of the documents. Events, and tables that keep more than the documents do, cannot be given back: they are
 * not among its tables.
 */
export function historyRestorer(ports: RestorePorts): HistoryRestorer {
  return {
    tables: snapshotSources.map(({ table }) => table),
    restore: async (names) => {
      const config = await loadTableConfig("bootstrap");
      const tables = [...config.tables, ...config.extensionTables];
      for (const source of snapshotSources) {
        const table = tables.find(({ name }) => name === source.table && names.includes(name));
        if (table !== undefined) await restored(config.dataset.name, table, source.rows(ports.documents), ports);
      }
    },
  };
}

async function restored(
  datasetId: string,
  table: TableDefinition,
  entries: AsyncIterable<HistoryEntry>,
  ports: RestorePorts,
): Promise<void> {
  const { frameOf } = await import("#shared/platform/warehouse/frame.ts");
  const write = async (rows: Record<string, unknown>[]): Promise<void> => {
    const contentHash = createHash("sha256").update(JSON.stringify(rows)).digest("hex");
    const batchId = `${ports.ids.newId("snap")}-${table.name}`;
    await ports.warehouse.write({ datasetId, table, batchId, contentHash, rows: frameOf(table, rows) });
  };
  let rows: Record<string, unknown>[] = [];
  for await (const { row, version } of entries) {
    const at = {
      operation: "SNAPSHOT",
      recorded_at: ports.clock.now().toISOString(),
      event_id: ports.ids.newId("evt"),
    };
    rows.push({ ...row, version, ...at });
    if (rows.length < rowsPerBatch) continue;
    await write(rows);
    rows = [];
  }
  if (rows.length > 0) await write(rows);
}
