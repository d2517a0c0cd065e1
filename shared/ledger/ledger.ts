/**
 * The ledger says which batch is current for each (pipeline, source, day). Publishing is a pure decision over two
 * documents of one month; the store commits what is decided here. Source: `pipelines.md` 8.
 */

/** The pipeline of the ledger under which people's adjustments stand. */
export const manualPipeline = "adjustments";

/** Document `orgs/{key}/ledger/{yyyy-mm}`: the small head every read checks. */
export interface MonthHead {
  epoch: number;
  /** Grows by one with every publication that changes what is read: the cache key of everything read from the month. */
  ledgerVersion: number;
  state: "open" | "closed";
  /** Version of the head at which each pipeline's document last changed. */
  shards: Record<string, number>;
  /** Of a closed month. */
  closing?: MonthClosing;
  /** How often it was closed, also when it is open again. */
  closeCount?: number;
  /** How long it was closed before it was reopened, the oldest first, as far back as reads of the past reach. */
  closings?: PastClosing[];
  /** Pipelines that pulled days of the month since it was closed. */
  heldBy?: string[];
}

/** A time in which a month was closed: RFC 3339 UTC, and the book of rates that it kept. */
export interface PastClosing extends Pick<MonthClosing, "at" | "fxVersion"> {
  until: string;
}

/** What a month said when it was closed. */
export interface MonthClosing {
  /** RFC 3339 UTC. */
  at: string;
  /** Credential of who closed it. */
  by: string;
  note: string | null;
  totals: Totals;
  /** Counted rows of cost. */
  rows: number;
  /** Of the organization's book of rates. */
  fxVersion: string;
}

/** Document `orgs/{key}/ledger/{yyyy-mm}/pipelines/{pipeline}`, written with the head in one transaction. */
export interface PipelineMonth {
  epoch: number;
  nextBatch: number;
  /** By a number that entries refer to, so that long batch ids stand once. */
  batches: Record<string, BatchRef>;
  /** By `source~dd`. */
  entries: Record<string, Entry>;
  /** By `source~dd`, of a closed month: what its days would say were it open. */
  held?: Record<string, Entry>;
  /** Rows in this month that correct a closed one, by id. */
  adjustments?: Record<string, Adjustment>;
  /** By `source~dd` of a closed month, or by id of a manual adjustment of it: the months its corrections lie in. */
  correctedIn?: Record<string, string[]>;
}

/** Rows that stand for the difference between what a closed day says and what it would say. */
export interface Adjustment {
  kind: "automatic" | "manual";
  /** `yyyy-mm` of the closed month. */
  month: string;
  source: string;
  /** The corrected day; null for a manual one. */
  day: string | null;
  /** Number of its batch. */
  b: number;
  /** By day of the month it lies in. */
  d: Record<string, { t: Totals; r: number }>;
  /** Content hash of its rows. */
  h: string;
  at: string;
  /** Of a manual one. */
  by?: string;
  reason?: string;
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
  /** Of a plan whose price nobody knows: `model` is its name. Absent: usage of generative AI. */
  category?: "saas";
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
  /** Rows by table; absent in entries of earlier releases. */
  n?: Record<string, number>;
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

/** `held`: of a closed month, which stays as it is. */
export type DayOutcome = "first_publish" | "restatement" | "unchanged" | "superseded" | "held";

export interface DayDecision {
  publication: DayPublication;
  outcome: DayOutcome;
  before:
    | { totals: Totals; rows: number; batches: string[]; priceVersion: string | null; replaced: ReplacedDay }
    | undefined;
  /** Batches now in force, also of the tables that stay. */
  batches: DayBatch[];
}

/** What a read needs of a day that another has replaced, beside its totals and rows. */
export interface ReplacedDay {
  state: DayState;
  /** Batch ids by table. */
  batches: Record<string, string[]>;
  publishedAt: string;
  pricing?: DayPricing;
  /** Content hash by table. */
  hashes?: Record<string, string>;
  /** The repricing that published it. */
  reprice?: string;
}

/** One batch in force for a day; `rows` are those of the day in its table. */
export interface DayBatch {
  table: string;
  id: string;
  rows: number;
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
