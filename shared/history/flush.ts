import { createHash } from "node:crypto";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import type { HistoryRows } from "#shared/runtime/change.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { finishBatch, type HistoryBatch, markLoaded, nextBatch, placeOf, rowsOf } from "./history-batch.ts";

type FlushPorts = { documents: Documents; warehouse: Warehouse } & Pick<Surroundings, "ids">;

/**
 * Brings history rows from the outbox to the warehouse, each exactly once (`tables.md` 1), with one load per table. What
 * a batch holds is written down before it is loaded, so a crash anywhere repeats the same loads, and an id that was
 * loaded before is a no-op. Answers how many messages were brought over. Throws for rows that no table takes; they stay
 * in the outbox, and keep nothing back but what is for the same table.
 */
export async function flushHistory(ports: FlushPorts): Promise<number> {
  let flushed = 0;
  let isUnfinished: boolean;
  do {
    const batch = await nextBatch(ports);
    if (batch === undefined) return flushed;
    isUnfinished = !batch.isNew;
    flushed += await bring(batch, ports);
  } while (isUnfinished);
  return flushed;
}

async function bring(batch: HistoryBatch, ports: FlushPorts): Promise<number> {
  if (batch.isLoaded) return finishBatch(batch, ports.documents);
  const { held, problems } = await load(batch, ports);
  const loaded = await markLoaded(batch, held, ports.documents);
  const brought = loaded === undefined ? 0 : await finishBatch(loaded, ports.documents);
  if (problems.length > 0) throw new Error(`history rows are refused: ${problems.join("; ")}`);
  return brought;
}

/** Loads what can be loaded: the places of what is held back, and why it is. */
async function load(
  batch: HistoryBatch,
  ports: FlushPorts,
): Promise<{ held: readonly string[]; problems: readonly string[] }> {
  const { datasetId: central, tables } = await historyTables();
  const held: string[] = [];
  const problems: string[] = [];
  for (const { datasetId, table, rows } of byPlace(await rowsOf(batch, ports.documents))) {
    const target = { datasetId: datasetId ?? central, table: tables.get(table) };
    const batchId = `${batch.id}-${target.datasetId}-${table}`;
    const problem = await loadTable({ ...target, batchId, rows }, ports.warehouse);
    // What mirrors something in a dataset that was dropped is gone with it.
    const isGone = problem !== undefined && (await ports.warehouse.describeDataset(target.datasetId)) === undefined;
    if (problem === undefined || (datasetId !== null && isGone)) continue;
    held.push(placeOf({ datasetId, table }));
    problems.push(`${target.datasetId}/${table}: ${problem}`);
  }
  return { held, problems };
}

/** Undefined, or why the rows are refused for good, with nothing of them written. */
async function loadTable(
  load: { datasetId: string; table: TableDefinition | undefined; batchId: string; rows: Record<string, unknown>[] },
  warehouse: Warehouse,
): Promise<string | undefined> {
  const { frameOf } = await import("#shared/platform/warehouse/frame.ts");
  const { table, rows } = load;
  if (table === undefined) return "there is no such table";
  try {
    const contentHash = createHash("sha256").update(JSON.stringify(rows)).digest("hex");
    await warehouse.write({ ...load, table, contentHash, rows: frameOf(table, rows) });
    return undefined;
  } catch (error) {
    if (isAppError(error, "BATCH_REFUSED") || isAppError(error, "AMOUNT_OUT_OF_RANGE")) return error.message;
    throw error;
  }
}

/** The rows of each table together, so that a batch makes one load per table. */
function byPlace(all: readonly HistoryRows[]): HistoryRows[] {
  const places = new Map<string, HistoryRows>();
  for (const { datasetId, table, rows } of all) {
    const place = placeOf({ datasetId, table });
    const together = places.get(place) ?? { datasetId, table, rows: [] };
    places.set(place, together);
    together.rows.push(...rows);
  }
  return [...places.values()];
}

interface HistoryTables {
  /** The operator's dataset. */
  datasetId: string;
  tables: ReadonlyMap<string, TableDefinition>;
}

let known: Promise<HistoryTables> | undefined;

function historyTables(): Promise<HistoryTables> {
  known ??= Promise.all([loadTableConfig("bootstrap"), loadTableConfig("organizations")]).then((configs) => {
    const all = configs.flatMap(({ tables, extensionTables }) => [...tables, ...extensionTables]);
    return { datasetId: configs[0].dataset.name, tables: new Map(all.map((table) => [table.name, table])) };
  });
  return known;
}
