import { createHash } from "node:crypto";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import {
  finishBatch,
  type HistoryBatch,
  type HistoryEntry,
  markLoaded,
  nextBatch,
  payloadsOf,
} from "./history-batch.ts";

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
  const { messages, problems } = await load(batch, ports);
  const loaded = await markLoaded(batch, messages, ports.documents);
  const brought = loaded === undefined ? 0 : await finishBatch(loaded, ports.documents);
  if (problems.length > 0) throw new Error(`history rows are refused: ${problems.join("; ")}`);
  return brought;
}

/** Loads what can be loaded: the outbox paths of it, and what is wrong with the rest. */
async function load(
  batch: HistoryBatch,
  ports: FlushPorts,
): Promise<{ messages: Set<string>; problems: readonly string[] }> {
  const { datasetId: central, tables } = await historyTables();
  const messages = new Set<string>();
  const problems: string[] = [];
  const byTable = byPlace(await payloadsOf(batch, ports.documents), central);
  for (const [place, own] of byTable) {
    const rows = own.flatMap(({ payload }) => payload.rows);
    const problem = await loadTable(`${batch.id}-${place.replace("/", "-")}`, place, { rows, tables }, ports);
    if (problem === undefined) for (const { path } of own) messages.add(path);
    else problems.push(`${place}: ${problem}`);
  }
  return { messages, problems };
}

/** Undefined, or why the rows are refused for good, with nothing of them written. */
async function loadTable(
  batchId: string,
  place: string,
  given: { rows: Record<string, unknown>[]; tables: ReadonlyMap<string, TableDefinition> },
  ports: FlushPorts,
): Promise<string | undefined> {
  const { frameOf } = await import("#shared/platform/warehouse/frame.ts");
  const [datasetId = "", name = ""] = place.split("/");
  const table = given.tables.get(name);
  if (table === undefined) return "there is no such table";
  try {
    const contentHash = createHash("sha256").update(JSON.stringify(given.rows)).digest("hex");
    await ports.warehouse.write({ datasetId, table, batchId, contentHash, rows: frameOf(table, given.rows) });
    return undefined;
  } catch (error) {
    if (isAppError(error, "BATCH_REFUSED") || isAppError(error, "AMOUNT_OUT_OF_RANGE")) return error.message;
    throw error;
  }
}

function byPlace(entries: readonly HistoryEntry[], central: string): Map<string, HistoryEntry[]> {
  const groups = new Map<string, HistoryEntry[]>();
  for (const entry of entries) {
    const place = `${entry.payload.datasetId ?? central}/${entry.payload.table}`;
    const group = groups.get(place);
    if (group === undefined) groups.set(place, [entry]);
    else group.push(entry);
  }
  return groups;
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
