/**
 * The ledger says which batch is current for each (pipeline, source, day). Publishing is a pure decision over two
 * documents of one month; the store commits what is decided here. Source: `pipelines.md` 8.
 */

/** Document `orgs/{key}/ledger/{yyyy-mm}`: the small head every read checks. */
export interface MonthHead {
  epoch: number;
  /** Grows by one with every publication that changes what is read: the cache key of everything read from the month. */
  ledgerVersion: number;
  state: "open";
  /** Version of the head at which each pipeline's document last changed. */
  shards: Record<string, number>;
}

/** Document `orgs/{key}/ledger/{yyyy-mm}/pipelines/{pipeline}`, written with the head in one transaction. */
export interface PipelineMonth {
  epoch: number;
  nextBatch: number;
  /** By a number that entries refer to, so that long batch ids stand once. */
  batches: Record<string, BatchRef>;
  /** By `source~dd`. */
  entries: Record<string, Entry>;
}

export interface BatchRef {
  id: string;
  table: string;
  rows: number;
  run: string;
  pulledAt: string;
  /** Of a batch of computed cost whose days are all priced with one version of the price book. */
  priceBookVersion?: string;
}

/** Usage of one model on one day that no money stands for, because it has no price. Decimals as text. */
export interface UnpricedUsage {
  provider: string;
  /** Null also for what several models share where a day has too many to name. */
  model: string | null;
  /** Rows of usage. */
  rows: number;
  requests: number;
  tokens: string;
  /** Quantity by meter. */
  meters: Record<string, string>;
}

/** What stands behind the computed cost of a day. */
export interface DayPricing {
  /** Version of the price book that the day keeps. */
  version?: string;
  unpriced?: UnpricedUsage[];
}

export type DayState = "complete" | "partial" | "empty";

/** Decimal text: billed, effective. */
export type Totals = Record<string, [string, string]>;

/** One published day of one source; short names because a month holds thousands. */
export interface Entry {
  /** Fence under which the rows were pulled. */
  f: number;
  /** Numbers of its batches; none for an empty day. */
  b: number[];
  /** Content hash of the day by table. */
  h: Record<string, string>;
  /** By currency. */
  t: Totals;
  r: number;
  s: DayState;
  at: string;
  /** Absent where nothing of the day is computed. */
  p?: DayPricing;
  /** The repricing that published it; absent once the day is pulled anew. */
  reprice?: string;
}

/** A day as a run wants it published: all its tables at once. */
export interface DayPublication {
  source: string;
  /** `YYYY-MM-DD`, UTC. */
  day: string;
  state: DayState;
  pulledFence: number;
  rows: number;
  totals: Totals;
  /** By table; absent for an empty day. */
  parts: Record<string, DayPart>;
  /** Tables that nobody could fill this time and that are not owed: what is published of them stays. */
  carried?: readonly string[];
  pricing?: DayPricing;
  /** The repricing that publishes it: rows pulled under the same fence never take its place. */
  reprice?: { id: string; priceVersion: string };
}

export interface DayPart {
  /** Several where a day's rows are more than one batch takes. */
  batches: readonly BatchRef[];
  hash: string;
  /** Of the day in this table. */
  rows: number;
}

export type DayOutcome = "first_publish" | "restatement" | "unchanged" | "superseded";

export interface DayDecision {
  publication: DayPublication;
  outcome: DayOutcome;
  before: { totals: Totals; rows: number; batches: string[]; priceVersion: string | null } | undefined;
}

export interface MonthDecision {
  head: MonthHead;
  pipeline: PipelineMonth;
  days: DayDecision[];
  /** False when nothing that a reader sees has changed: the version stays. */
  isChanged: boolean;
}

export function emptyHead(epoch: number): MonthHead {
  return { epoch, ledgerVersion: 0, state: "open", shards: {} };
}

export function emptyPipelineMonth(epoch: number): PipelineMonth {
  return { epoch, nextBatch: 1, batches: {}, entries: {} };
}

/** `yyyy-mm` of a day. */
export function monthOf(day: string): string {
  return day.slice(0, 7);
}

export function entryKey(source: string, day: string): string {
  return `${source}~${day.slice(8, 10)}`;
}

/** The source and day an entry of a month stands for. */
export function readEntryKey(month: string, key: string): { source: string; day: string } {
  return { source: key.slice(0, -3), day: `${month}-${key.slice(-2)}` };
}

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
  const before = entry && {
    totals: entry.t,
    rows: entry.r,
    batches: entry.b.map((number) => pipeline.batches[number]?.id ?? ""),
    priceVersion: entry.p?.version ?? null,
  };
  if (entry !== undefined && isOlder(publication, entry)) return { publication, outcome: "superseded", before };
  const carried = carriedTables(pipeline, entry, publication);
  if (entry !== undefined && isSameContent(entry, publication, carried)) {
    pipeline.entries[key] = { ...entry, f: publication.pulledFence };
    return { publication, outcome: "unchanged", before };
  }
  const parts = Object.entries(publication.parts);
  pipeline.entries[key] = {
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
    s: publication.state,
    at: now,
    ...(publication.pricing === undefined ? {} : { p: publication.pricing }),
    ...(publication.reprice === undefined ? {} : { reprice: publication.reprice.id }),
  };
  return { publication, outcome: entry === undefined ? "first_publish" : "restatement", before };
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
    tables.length + carried.length === Object.keys(entry.h).length &&
    tables.every((table) => entry.h[table] === publication.parts[table]?.hash)
  );
}

function batchNumber(pipeline: PipelineMonth, batch: BatchRef): number {
  const known = Object.entries(pipeline.batches).find(([, ref]) => ref.id === batch.id);
  if (known !== undefined) return Number(known[0]);
  const number = pipeline.nextBatch++;
  pipeline.batches[number] = batch;
  return number;
}

function dropUnreferenced(pipeline: PipelineMonth): void {
  const used = new Set(Object.values(pipeline.entries).flatMap((entry) => entry.b));
  for (const number of Object.keys(pipeline.batches)) if (!used.has(Number(number))) delete pipeline.batches[number];
}
