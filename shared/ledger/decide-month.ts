import { isDeepStrictEqual } from "node:util";
import {
  type BatchRef,
  type DayBatch,
  type DayDecision,
  type DayOutcome,
  type DayPricing,
  type DayPublication,
  type Entry,
  emptyHead,
  emptyPipelineMonth,
  entryKey,
  type MonthDecision,
  type MonthHead,
  type PipelineMonth,
  type ReplacedDay,
} from "./ledger.ts";

/**
 * Decides the publication of days of one month. A day whose entry was pulled under a newer fence is superseded: rows
 * that were pulled earlier never replace rows that were pulled later. Documents of an older epoch count as empty.
 */
export function decideMonth(
  stored: { head: MonthHead | undefined; pipeline: PipelineMonth | undefined },
  publications: readonly DayPublication[],
  at: { epoch: number; pipelineId: string; now: string },
): MonthDecision {
  const head = stored.head?.epoch === at.epoch ? stored.head : emptyHead(at.epoch);
  const pipeline = structuredClone(
    stored.pipeline?.epoch === at.epoch ? stored.pipeline : emptyPipelineMonth(at.epoch),
  );
  const days = publications.map((publication) => decideDay(pipeline, publication, at.now));
  const isChanged = days.some(({ outcome }) => outcome === "first_publish" || outcome === "restatement");
  dropUnreferenced(pipeline);
  if (!isChanged) return { head, pipeline, days, isChanged };
  const ledgerVersion = head.ledgerVersion + 1;
  return {
    head: { ...head, ledgerVersion, shards: { ...head.shards, [at.pipelineId]: ledgerVersion } },
    pipeline,
    days,
    isChanged,
  };
}

function decideDay(pipeline: PipelineMonth, publication: DayPublication, now: string): DayDecision {
  const key = entryKey(publication.source, publication.day);
  const entry = pipeline.entries[key];
  const { outcome, next } = decided(pipeline, entry, publication, now);
  pipeline.entries[key] = next;
  return { publication, outcome, before: stateOf(pipeline, entry), batches: dayBatches(pipeline, next) };
}

/** What a day said before. */
export function stateOf(pipeline: PipelineMonth, entry: Entry | undefined): DayDecision["before"] {
  return (
    entry && {
      totals: entry.t,
      rows: entry.r,
      batches: entry.b.map((number) => pipeline.batches[number]?.id ?? ""),
      priceVersion: entry.p?.version ?? null,
      replaced: asRead(pipeline, entry),
    }
  );
}

/** An entry as reads see it. */
export function asRead(pipeline: Pick<PipelineMonth, "batches">, entry: Entry): ReplacedDay {
  const batches: Record<string, string[]> = {};
  for (const number of entry.b) {
    const batch = pipeline.batches[number];
    if (batch !== undefined) batches[batch.table] = [...(batches[batch.table] ?? []), batch.id];
  }
  return {
    state: entry.s,
    batches,
    publishedAt: entry.at,
    ...(entry.p === undefined ? {} : { pricing: entry.p }),
    hashes: entry.h,
    ...(entry.reprice === undefined ? {} : { reprice: entry.reprice }),
  };
}

/** What a day says after a publication, against the entry that was there. */
export function decided(
  pipeline: PipelineMonth,
  entry: Entry | undefined,
  publication: DayPublication,
  now: string,
): { outcome: DayOutcome; next: Entry } {
  if (entry !== undefined && isOlder(publication, entry)) return { outcome: "superseded", next: entry };
  const carried = carriedTables(pipeline, entry, publication);
  if (entry !== undefined && isSameContent(entry, publication, carried))
    return { outcome: "unchanged", next: { ...entry, f: publication.pulledFence } };
  const parts = Object.entries(publication.parts);
  const next: Entry = {
    f: publication.pulledFence,
    b: [
      ...parts.flatMap(([, part]) => part.batches.map((batch) => batchNumber(pipeline, batch))),
      ...carried.flatMap(({ numbers }) => numbers),
    ],
    h: Object.fromEntries([
      ...parts.map(([table, part]) => [table, part.hash]),
      ...carried.map(({ table, hash }) => [table, hash]),
    ]),
    t: publication.totals,
    r: publication.rows,
    n: Object.fromEntries([
      ...parts.map(([table, part]) => [table, part.rows]),
      ...carried.map(({ table }) => [table, entry?.n?.[table] ?? 0]),
    ]),
    s: publication.state,
    at: now,
    ...(publication.pricing === undefined ? {} : { p: publication.pricing }),
    ...(publication.reprice === undefined ? {} : { reprice: publication.reprice.id }),
  };
  return { outcome: entry === undefined ? "first_publish" : "restatement", next };
}

/** The batches that an entry names. */
export function dayBatches(pipeline: PipelineMonth, entry: Entry): DayBatch[] {
  return entry.b.flatMap((number) => {
    const batch = pipeline.batches[number];
    return batch === undefined ? [] : [{ table: batch.table, id: batch.id, rows: entry.n?.[batch.table] ?? 0 }];
  });
}

/**
 * A repricing publishes under the fence of the rows it priced. A run that pulled those very rows and is finished by another
 * process afterwards would otherwise bring the earlier prices back.
 */
function isOlder({ pulledFence, reprice }: DayPublication, entry: Entry): boolean {
  if (entry.f !== pulledFence) return entry.f > pulledFence;
  return entry.reprice !== undefined && reprice === undefined;
}

interface CarriedTable {
  table: string;
  hash: string;
  /** Of its batches. */
  numbers: number[];
}

/** What the entry keeps of the tables that this publication says nothing about. */
function carriedTables(
  pipeline: PipelineMonth,
  entry: Entry | undefined,
  { carried = [], parts }: DayPublication,
): CarriedTable[] {
  if (entry === undefined) return [];
  return carried.flatMap((table) => {
    const hash = entry.h[table];
    if (hash === undefined || table in parts) return [];
    return [{ table, hash, numbers: entry.b.filter((number) => pipeline.batches[number]?.table === table) }];
  });
}

function isSameContent(entry: Entry, publication: DayPublication, carried: readonly CarriedTable[]): boolean {
  const tables = Object.keys(publication.parts);
  return (
    entry.s === publication.state &&
    isSameUnpriced(entry.p, publication.pricing) &&
    tables.length + carried.length === Object.keys(entry.h).length &&
    tables.every((table) => entry.h[table] === publication.parts[table]?.hash)
  );
}

export function batchNumber(pipeline: PipelineMonth, batch: BatchRef): number {
  const known = Object.entries(pipeline.batches).find(([, ref]) => ref.id === batch.id);
  if (known !== undefined) return Number(known[0]);
  const number = pipeline.nextBatch++;
  pipeline.batches[number] = batch;
  return number;
}

export function dropUnreferenced(pipeline: PipelineMonth): void {
  const days = [...Object.values(pipeline.entries), ...Object.values(pipeline.held ?? {})];
  const corrections = Object.values(pipeline.adjustments ?? {}).map(({ b }) => b);
  const used = new Set([...days.flatMap((entry) => entry.b), ...corrections]);
  for (const number of Object.keys(pipeline.batches)) if (!used.has(Number(number))) delete pipeline.batches[number];
}

/** Whether two entries say the same of a day. */
export function isSameEntry(one: Entry, other: Entry): boolean {
  const tables = Object.keys(one.h);
  return (
    one.s === other.s &&
    isSameUnpriced(one.p, other.p) &&
    tables.length === Object.keys(other.h).length &&
    tables.every((table) => one.h[table] === other.h[table])
  );
}

/** What has no price has no row whose hash could differ. */
function isSameUnpriced(one: DayPricing | undefined, other: DayPricing | undefined): boolean {
  return isDeepStrictEqual(one?.unpriced ?? [], other?.unpriced ?? []);
}
