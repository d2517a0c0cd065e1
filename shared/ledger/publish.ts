import { createHash } from "node:crypto";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Change } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { headPath, pipelineMonthPath } from "./current-batches.ts";
import { decideMonth } from "./decide-month.ts";
import type {
  DayDecision,
  DayPublication,
  MonthDecision,
  MonthHead,
  PipelineMonth,
  ReplacedDay,
  Totals,
} from "./ledger.ts";
import { noteReplaced } from "./loose-batches.ts";
import { deltaOf } from "./totals.ts";

/** Who publishes what: one run, one pipeline, one month. */
export interface PublicationContext {
  org: OrgIdentity;
  datasetId: string;
  epoch: number;
  pipelineId: string;
  /** `yyyy-mm`. */
  month: string;
  runId: string;
  fence: number;
  /** Why published days change, where it is not that the provider corrected them. */
  reason?: RestatementReason;
}

export type RestatementReason = "late_data" | "correction" | "reprice" | "backfill" | "reopen" | "manual";

/** Document `orgs/{key}/journal/{yyyy-mm}-{version}-{hash of epoch and source}`: append-only. */
export interface JournalDocument {
  /** `held`, `adjustment` and `withdrawn` of closed months: what was kept back, and where its difference lies. */
  kind: "first_publish" | "restatement" | "held" | "adjustment" | "withdrawn";
  reason: "first" | RestatementReason;
  month: string;
  pipelineId: string;
  source: string;
  /** Newest day it holds, for the index over (source, day). */
  day: string;
  runId: string;
  fence: number;
  ledgerVersion: number;
  /** Of the ledger; absent in entries of earlier releases. */
  epoch?: number;
  recordedAt: string;
  days: JournalDay[];
}

export interface JournalDay {
  day: string;
  oldTotals: Totals | null;
  newTotals: Totals;
  /** New less old, by currency. */
  delta: Totals;
  rowsOld: number | null;
  rowsNew: number;
  oldBatches: string[];
  newBatches: string[];
  /** Versions of the price book, where something of the day is computed. */
  oldPriceVersion: string | null;
  newPriceVersion: string | null;
  /**
   * What of the day or adjustment this replaced as reads saw it, null where there was none: with it the past can be read.
   * Absent in entries of earlier releases, and where nothing that is read was replaced because the day is held.
   */
  replaced?: ReplacedDay | null;
  /** The closed month and day that an adjustment corrects; no day where a person corrects the month. */
  corrects?: { month: string; day: string | null };
}

/**
 * Writes the publication of one month into the caller's transaction, which has read head and pipeline document and has
 * checked that the run may publish. Head, entries, journal and the journal's copy for the warehouse stand or fall together.
 * A closed month takes none: `MONTH_CLOSED`.
 */
export function publishMonth(
  context: PublicationContext,
  stored: { head: MonthHead | undefined; pipeline: PipelineMonth | undefined },
  publications: readonly DayPublication[],
  change: Change,
): MonthDecision {
  const { org, month, pipelineId, epoch } = context;
  const now = change.now.toISOString();
  if (stored.head?.epoch === epoch && stored.head.state === "closed")
    throw new AppError("MONTH_CLOSED", `${month} is closed: its days do not change.`);
  const decision = decideMonth(stored, publications, { epoch, pipelineId, now });
  change.set<PipelineMonth>(pipelineMonthPath(org, month, pipelineId), decision.pipeline);
  if (!decision.isChanged) return decision;
  const before = stored.pipeline?.epoch === epoch ? stored.pipeline : undefined;
  noteReplacedBatches(context, { before, after: decision.pipeline }, decision.head, change);
  change.set<MonthHead>(headPath(org, month), decision.head);
  const changed = decision.days.filter(({ outcome }) => outcome === "first_publish" || outcome === "restatement");
  writeJournal(context, changed, decision.head, change);
  return decision;
}

/** Batches that the month of a pipeline names no more are kept for reads of the past, then removed. */
export function noteReplacedBatches(
  { org, pipelineId, month, runId, fence }: PublicationContext,
  documents: { before: PipelineMonth | undefined; after: PipelineMonth },
  { ledgerVersion, epoch }: MonthHead,
  change: Change,
): void {
  const of = { pipelineId, month, change: [epoch, ledgerVersion, runId, fence].join("|") };
  noteReplaced(org, of, documents, { tx: change, now: change.now });
}

/** The journal of some days that changed with a version of the head, one document per source, and its copy for the warehouse. */
export function writeJournal(
  context: PublicationContext,
  changed: readonly DayDecision[],
  head: MonthHead,
  change: Change,
): void {
  const { org, month } = context;
  const now = change.now.toISOString();
  for (const source of new Set(changed.map(({ publication }) => publication.source))) {
    const own = changed.filter(({ publication }) => publication.source === source);
    const journal = journalDocument(context, source, own, head, now);
    // Held days do not move the version, so what was pulled tells their journals apart; a month reopens with all pipelines.
    const held = own.filter(({ outcome }) => outcome === "held").map(({ batches }) => batches.map(({ id }) => id));
    const ofMany = context.reason === "reopen" ? JSON.stringify([context.pipelineId, source]) : source;
    const distinct = held.length === 0 ? ofMany : JSON.stringify([source, context.runId, context.fence, held]);
    change.create<JournalDocument>(journalPath(org, month, head, distinct), journal);
  }
  if (changed.length === 0) return;
  change.journal(
    context.datasetId,
    "published_batches",
    changed.flatMap((day) => publishedRows(context, day, head, now)),
  );
}

/**
 * Versions begin anew with an epoch, the journal does not: the epoch is part of what is hashed. `distinct` tells apart what
 * one version of a month holds of several.
 */
export function journalPath(
  org: OrgIdentity,
  month: string,
  { epoch, ledgerVersion }: MonthHead,
  distinct: string,
): string {
  const hash = createHash("sha256").update(`${epoch}|${distinct}`).digest("hex").slice(0, 12);
  return `orgs/${org.key}/journal/${month}-${String(ledgerVersion).padStart(8, "0")}-${hash}`;
}

function journalDocument(
  context: PublicationContext,
  source: string,
  days: readonly DayDecision[],
  head: MonthHead,
  now: string,
): JournalDocument {
  const [kind = "first_publish"] = (["held", "restatement"] as const).filter((own) =>
    days.some(({ outcome }) => outcome === own),
  );
  return {
    kind,
    reason: kind === "first_publish" ? "first" : (context.reason ?? "late_data"),
    month: context.month,
    pipelineId: context.pipelineId,
    source,
    day:
      days
        .map(({ publication }) => publication.day)
        .sort()
        .at(-1) ?? context.month,
    runId: context.runId,
    fence: context.fence,
    ledgerVersion: head.ledgerVersion,
    epoch: head.epoch,
    recordedAt: now,
    days: days.map(journalDay),
  };
}

function journalDay({ publication, before, batches, outcome }: DayDecision): JournalDay {
  return {
    day: publication.day,
    oldTotals: before?.totals ?? null,
    newTotals: publication.totals,
    delta: deltaOf(before?.totals ?? {}, publication.totals),
    rowsOld: before?.rows ?? null,
    rowsNew: publication.rows,
    oldBatches: before?.batches ?? [],
    newBatches: batches.map(({ id }) => id),
    oldPriceVersion: before?.priceVersion ?? null,
    newPriceVersion: newPriceVersion(publication),
    ...(outcome === "held" ? {} : { replaced: before?.replaced ?? null }),
  };
}

/** A repricing of some models leaves the day its book; the journal names the one it used. */
function newPriceVersion({ reprice, pricing }: DayPublication): string | null {
  return reprice?.priceVersion ?? pricing?.version ?? null;
}

/**
 * Rows of `published_batches`: one per day, table and batch, also of the tables that stay; one without a batch for an
 * empty day.
 */
function publishedRows(
  context: PublicationContext,
  decided: DayDecision,
  head: MonthHead,
  now: string,
): Record<string, unknown>[] {
  const { publication, outcome, before } = decided;
  const batches = decided.batches.length === 0 ? [{ table: null, id: null, rows: 0 }] : decided.batches;
  const billed = (totals: Totals): Record<string, string> =>
    Object.fromEntries(Object.entries(totals).map(([currency, [amount]]) => [currency, amount]));
  return batches.map(({ table, id, rows }) => ({
    publication_id: `${context.runId}-${context.month}-${head.ledgerVersion}`,
    kind: outcome,
    charge_date: publication.day,
    month: context.month,
    table_name: table,
    x_org_slug: context.org.slug,
    x_pipeline_id: context.pipelineId,
    x_source: publication.source,
    x_run_id: context.runId,
    x_batch_id: id,
    ledger_epoch: context.epoch,
    ledger_version: head.ledgerVersion,
    fence: publication.pulledFence,
    day_state: publication.state,
    row_count: rows,
    new_totals: billed(publication.totals),
    old_totals: before === undefined ? null : billed(before.totals),
    superseded_batch_ids: before?.batches ?? [],
    reason: outcome === "first_publish" ? null : (context.reason ?? "late_data"),
    price_version: newPriceVersion(publication),
    published_at: now,
  }));
}
