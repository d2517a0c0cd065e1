import type { Change } from "#shared/runtime/change.ts";
import type { BookedChange } from "./held-plan.ts";
import type { Adjustment, MonthHead, ReplacedDay, Totals } from "./ledger.ts";
import { type JournalDay, type JournalDocument, journalPath, type PublicationContext } from "./publish.ts";
import { deltaOf } from "./totals.ts";

const costTable = "cost_data_standard";

/**
 * The journal of corrections that came into a month or left it, one document per pipeline and source, and its copy for
 * the warehouse. There they are rows of kind `adjustment` that name the batch they replace; one that is withdrawn leaves a
 * row without a batch.
 */
export function writeAdjustmentJournal(
  context: PublicationContext,
  changes: readonly BookedChange[],
  head: MonthHead,
  change: Change,
): void {
  const now = change.now.toISOString();
  const { org, month, pipelineId, runId, fence, epoch } = context;
  for (const source of new Set(changes.map(({ corrects }) => corrects.source))) {
    const own = changes.filter(({ corrects }) => corrects.source === source);
    const days = own.flatMap(journalDays).sort((a, b) => (a.day < b.day ? -1 : 1));
    const distinct = JSON.stringify(["adjustment", pipelineId, source]);
    change.create<JournalDocument>(journalPath(org, month, head, distinct), {
      kind: own.some(({ after }) => after !== undefined) ? "adjustment" : "withdrawn",
      reason: context.reason ?? "late_data",
      month,
      pipelineId,
      source,
      day: days.at(-1)?.day ?? month,
      runId,
      fence,
      ledgerVersion: head.ledgerVersion,
      epoch,
      recordedAt: now,
      days,
    });
  }
  const rows = changes
    .flatMap((booked) => adjustmentRows(context, booked))
    .map((row) => ({
      ...row,
      publication_id: `${runId}-${month}-${head.ledgerVersion}`,
      month,
      x_org_slug: org.slug,
      x_run_id: runId,
      ledger_epoch: epoch,
      ledger_version: head.ledgerVersion,
      fence,
      price_version: null,
      published_at: now,
    }));
  change.journal(context.datasetId, "published_batches", rows);
}

function journalDays({ before, after, corrects }: BookedChange): JournalDay[] {
  const days = [...new Set([...Object.keys(before?.d ?? {}), ...Object.keys(after?.d ?? {})])];
  return days.map((day): JournalDay => {
    const [old, next] = [before?.d[day], after?.d[day]];
    return {
      day,
      oldTotals: old?.t ?? null,
      newTotals: next?.t ?? {},
      delta: deltaOf(old?.t ?? {}, next?.t ?? {}),
      rowsOld: old?.r ?? null,
      rowsNew: next?.r ?? 0,
      oldBatches: old === undefined ? [] : [before?.batchId ?? ""],
      newBatches: next === undefined ? [] : [after?.batchId ?? ""],
      oldPriceVersion: null,
      newPriceVersion: null,
      replaced: before === undefined || old === undefined ? null : replacedBy(before),
      corrects: { month: corrects.month, day: corrects.day },
    };
  });
}

function replacedBy({ batchId, at }: NonNullable<BookedChange["before"]>): ReplacedDay {
  return { state: "complete", batches: { [costTable]: [batchId] }, publishedAt: at };
}

function adjustmentRows(
  { reason = "late_data" }: PublicationContext,
  { before, after, corrects }: BookedChange,
): Record<string, unknown>[] {
  const { d } = after ?? before ?? { d: {} };
  return Object.keys(d).map((day) => {
    const next = after?.d[day];
    return {
      kind: "adjustment",
      charge_date: day,
      table_name: next === undefined ? null : costTable,
      x_pipeline_id: corrects.pipelineId,
      x_source: corrects.source,
      x_batch_id: next === undefined ? null : (after?.batchId ?? null),
      day_state: next === undefined ? "withdrawn" : "complete",
      row_count: next?.r ?? 0,
      new_totals: billedOf(next),
      old_totals: before?.d[day] === undefined ? null : billedOf(before.d[day]),
      superseded_batch_ids: before === undefined ? [] : [before.batchId],
      reason,
    };
  });
}

function billedOf(day: Adjustment["d"][string] | undefined): Record<string, string> {
  const totals: Totals = day?.t ?? {};
  return Object.fromEntries(Object.entries(totals).map(([currency, [billed]]) => [currency, billed]));
}
