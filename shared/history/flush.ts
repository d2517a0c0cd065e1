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
  const entries = await payloadsOf(batch, ports.documents);
  const held = new Set<string>();
  const problems: string[] = [];
  const hold = ({ place, parts }: Load, problem: string | undefined): void => {
    if (problem === undefined) return;
    problems.push(`${place}: ${problem}`);
    for (const { path } of parts) held.add(path);
  };
  const loads = loadsOf(entries, { central, tables });
  // A message with rows of several tables is brought over whole or not at all, else its next load would repeat some.
  for (const each of loads) if (each.parts.some(({ isWhole }) => !isWhole)) hold(each, await problemOf(each));
  for (const each of loads) {
    const parts = each.parts.filter(({ path }) => !held.has(path));
    if (parts.length > 0) hold({ ...each, parts }, await loadTable(batch, { ...each, parts }, ports));
  }
  return { messages: new Set(entries.map(({ path }) => path).filter((path) => !held.has(path))), problems };
}

/** Undefined, or why the rows are refused for good, with nothing of them written. */
function loadTable(batch: HistoryBatch, { place, table, parts }: Load, ports: FlushPorts): Promise<string | undefined> {
  const rows = parts.flatMap((part) => part.rows);
  const [datasetId = ""] = place.split("/");
  return refusalOf(table, async (known, frameOf) => {
    const contentHash = createHash("sha256").update(JSON.stringify(rows)).digest("hex");
    const batchId = `${batch.id}-${place.replace("/", "-")}`;
    await ports.warehouse.write({ datasetId, table: known, batchId, contentHash, rows: frameOf(known, rows) });
  });
}

/** As `loadTable`, and nothing is written at all. */
function problemOf({ table, parts }: Load): Promise<string | undefined> {
  return refusalOf(table, async (known, frameOf) => {
    frameOf(
      known,
      parts.flatMap(({ rows }) => rows),
    );
  });
}

type FrameOf = typeof import("#shared/platform/warehouse/frame.ts")["frameOf"];

async function refusalOf(
  table: TableDefinition | undefined,
  work: (table: TableDefinition, frameOf: FrameOf) => Promise<void>,
): Promise<string | undefined> {
  const { frameOf } = await import("#shared/platform/warehouse/frame.ts");
  if (table === undefined) return "there is no such table";
  try {
    await work(table, frameOf);
    return undefined;
  } catch (error) {
    if (isAppError(error, "BATCH_REFUSED") || isAppError(error, "AMOUNT_OUT_OF_RANGE")) return error.message;
    throw error;
  }
}

/** What goes into one table in one load. */
interface Load {
  /** `dataset/table`. */
  place: string;
  table: TableDefinition | undefined;
  parts: Part[];
}

/** The rows that one message has for one table. */
interface Part {
  path: string;
  rows: Record<string, unknown>[];
  /** False where the message has rows of other tables too. */
  isWhole: boolean;
}

/** Organizations' datasets first: only they may be gone, and then what they mirror is held back with them. */
function loadsOf(
  entries: readonly HistoryEntry[],
  { central, tables }: { central: string; tables: ReadonlyMap<string, TableDefinition> },
): Load[] {
  const loads = new Map<string, Load>();
  for (const { path, payload } of entries) {
    const { mirrors = [] } = payload;
    for (const { datasetId, table, rows } of [payload, ...mirrors]) {
      const place = `${datasetId ?? central}/${table}`;
      const load = loads.get(place) ?? { place, table: tables.get(table), parts: [] };
      loads.set(place, load);
      load.parts.push({ path, rows, isWhole: mirrors.length === 0 });
    }
  }
  const isCentral = ({ place }: Load): number => Number(place.startsWith(`${central}/`));
  return [...loads.values()].sort((a, b) => isCentral(a) - isCentral(b));
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
