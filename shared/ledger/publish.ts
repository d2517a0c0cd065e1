import { createHash } from "node:crypto";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Change } from "#shared/runtime/change.ts";
import { headPath, pipelineMonthPath } from "./current-batches.ts";
import {
  type DayDecision,
  type DayPublication,
  decideMonth,
  type MonthDecision,
  type MonthHead,
  type PipelineMonth,
  type Totals,
} from "./ledger.ts";
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
  kind: "first_publish" | "restatement";
  reason: "first" | RestatementReason;
  month: string;
  pipelineId: string;
  source: string;
  /** Newest day it holds, for the index over (source, day). */
  day: string;
  runId: string;
  fence: number;
  ledgerVersion: number;
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
}

/**
 * Writes the publication of one month into the caller's transaction, which has read head and pipeline document and has
 * checked that the run may publish. Head, entries, journal and the journal's copy for the warehouse stand or fall together.
 */
export function publishMonth(
  context: PublicationContext,
  stored: { head: MonthHead | undefined; pipeline: PipelineMonth | undefined },
  publications: readonly DayPublication[],
  change: Change,
): MonthDecision {
  const { org, month, pipelineId, epoch } = context;
  const now = change.now.toISOString();
  const decision = decideMonth(stored, publications, { epoch, pipelineId, now });
  change.set<PipelineMonth>(pipelineMonthPath(org, month, pipelineId), decision.pipeline);
  if (!decision.isChanged) return decision;
  change.set<MonthHead>(headPath(org, month), decision.head);
  const changed = decision.days.filter(({ outcome }) => outcome === "first_publish" || outcome === "restatement");
  for (const source of new Set(changed.map(({ publication }) => publication.source))) {
    const own = changed.filter(({ publication }) => publication.source === source);
    const journal = journalDocument(context, source, own, decision, now);
    change.create<JournalDocument>(journalPath(org, month, decision.head, source), journal);
  }
  change.journal(
    context.datasetId,
    "published_batches",
    changed.flatMap((day) => publishedRows(context, day, decision, now)),
  );
  return decision;
}

/** Versions begin anew with an epoch, the journal does not: the epoch is part of what is hashed. */
function journalPath(org: OrgIdentity, month: string, { epoch, ledgerVersion }: MonthHead, source: string): string {
  const hash = createHash("sha256").update(`${epoch}|${source}`).digest("hex").slice(0, 12);
  return `orgs/${org.key}/journal/${month}-${String(ledgerVersion).padStart(8, "0")}-${hash}`;
}

function journalDocument(
  context: PublicationContext,
  source: string,
  days: readonly DayDecision[],
  decision: MonthDecision,
  now: string,
): JournalDocument {
  const isRestatement = days.some(({ outcome }) => outcome === "restatement");
  return {
    kind: isRestatement ? "restatement" : "first_publish",
    reason: isRestatement ? (context.reason ?? "late_data") : "first",
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
    ledgerVersion: decision.head.ledgerVersion,
    recordedAt: now,
    days: days.map(journalDay),
  };
}

function journalDay({ publication, before }: DayDecision): JournalDay {
  return {
    day: publication.day,
    oldTotals: before?.totals ?? null,
    newTotals: publication.totals,
    delta: deltaOf(before?.totals ?? {}, publication.totals),
    rowsOld: before?.rows ?? null,
    rowsNew: publication.rows,
    oldBatches: before?.batches ?? [],
    newBatches: Object.values(publication.parts).flatMap((part) => part.batches.map(({ id }) => id)),
    oldPriceVersion: before?.priceVersion ?? null,
    newPriceVersion: newPriceVersion(publication),
  };
}

/** A repricing of some models leaves the day its book; the journal names the one it used. */
function newPriceVersion({ reprice, pricing }: DayPublication): string | null {
  return reprice?.priceVersion ?? pricing?.version ?? null;
}

/** Rows of `published_batches`: one per day, table and batch; one without a batch for an empty day. */
function publishedRows(
  context: PublicationContext,
  decided: DayDecision,
  decision: MonthDecision,
  now: string,
): Record<string, unknown>[] {
  const { publication, outcome, before } = decided;
  const parts = Object.entries(publication.parts);
  const batches =
    parts.length === 0
      ? [["", null, 0] as const]
      : parts.flatMap(([table, part]) => part.batches.map(({ id }) => [table, id, part.rows] as const));
  const billed = (totals: Totals): Record<string, string> =>
    Object.fromEntries(Object.entries(totals).map(([currency, [amount]]) => [currency, amount]));
  return batches.map(([table, batchId, rows]) => ({
    publication_id: `${context.runId}-${context.month}-${decision.head.ledgerVersion}`,
    kind: outcome,
    charge_date: publication.day,
    month: context.month,
    table_name: table === "" ? null : table,
    x_org_slug: context.org.slug,
    x_pipeline_id: context.pipelineId,
    x_source: publication.source,
    x_run_id: context.runId,
    x_batch_id: batchId,
    ledger_epoch: context.epoch,
    ledger_version: decision.head.ledgerVersion,
    fence: publication.pulledFence,
    day_state: publication.state,
    row_count: rows,
    new_totals: billed(publication.totals),
    old_totals: before === undefined ? null : billed(before.totals),
    superseded_batch_ids: before?.batches ?? [],
    reason: outcome === "restatement" ? (context.reason ?? "late_data") : null,
    price_version: newPriceVersion(publication),
    published_at: now,
  }));
}
