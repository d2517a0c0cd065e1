import { pipelineMonthPath } from "#shared/ledger/current-batches.ts";
import { entryKey, monthOf, type PipelineMonth, type Totals } from "#shared/ledger/ledger.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Baseline } from "#shared/quality/total-change.ts";
import type { Claim } from "./claim.ts";
import { addDays } from "./range.ts";

/** What is published of the run's pipeline from the first to the last day (UTC), by source and day. */
export async function publishedTotals(
  { run, org }: Claim,
  days: { first: string; last: string },
  documents: Documents,
): Promise<Baseline> {
  const months = monthsBetween(days.first, days.last);
  const stored = await documents.getAll<PipelineMonth>(
    months.map((month) => pipelineMonthPath(run.org, month, run.pipelineId)),
  );
  const byMonth = new Map(months.map((month, at) => [month, stored[at]?.body]));
  const of = (source: string, day: string): Totals | undefined => {
    const month = byMonth.get(monthOf(day));
    return month?.epoch === org.ledgerEpoch ? month.entries[entryKey(source, day)]?.t : undefined;
  };
  const before = (source: string, day: string, count: number): Totals[] =>
    Array.from({ length: count }, (_, at) => of(source, addDays(day, -at - 1))).filter(
      (totals) => totals !== undefined,
    );
  return { of, before };
}

function monthsBetween(first: string, last: string): string[] {
  const months: string[] = [];
  for (let day = `${monthOf(first)}-01`; day <= last; day = `${monthOf(addDays(day, 31))}-01`)
    months.push(monthOf(day));
  return months;
}
