import type { Transaction } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import { type FxHead, type FxMonth, fxMonthOf, type PublishedRates } from "./fx.ts";
import { addRates, type MonthChange } from "./fx-record.ts";
import { emptyFxHead, fxHeadPath, fxMonthPath } from "./fx-store.ts";

/** A month of the market with its head, as one transaction reads them. */
export interface StoredFxMonth {
  head: FxHead;
  body: FxMonth | undefined;
}

/** Days of a source that come in; `days` may lie in other months too. */
export interface RatesOfMonth {
  month: string;
  days: readonly PublishedRates[];
  source: string;
  /** Values that differ from stored ones are used from now on. */
  force: boolean;
}

export async function storedMonth(month: string, tx: Pick<Transaction, "get">): Promise<StoredFxMonth> {
  const head = (await tx.get<FxHead>(fxHeadPath)).body ?? emptyFxHead;
  return { head, body: (await tx.get<FxMonth>(fxMonthPath(month))).body };
}

/** What the month becomes, without writing it. Throws `INVALID_BODY` when the source has stated a day in another base. */
export function monthWith({ head, body }: StoredFxMonth, load: RatesOfMonth, now: Date): MonthChange {
  const { month, source, force } = load;
  const days = load.days.filter(({ publishedOn }) => fxMonthOf(publishedOn) === month);
  const recordedAt = now.toISOString();
  return addRates(body, days, { month, source, fxVersion: head.fxVersion + 1, recordedAt, force });
}

/** Adds days to a month in the transaction that has read it; writes nothing where there is nothing new. Throws as `monthWith`. */
export function addToMonth(
  stored: StoredFxMonth,
  load: RatesOfMonth,
  change: Pick<Change, "set" | "now">,
): MonthChange {
  const added = monthWith(stored, load, change.now);
  if (!isNews(added)) return added;
  const { month } = load;
  const { head } = stored;
  change.set<FxMonth>(fxMonthPath(month), added.month);
  if (added.changedDays.length > 0) {
    const fxVersion = head.fxVersion + 1;
    const currencies = [...new Set([...head.currencies, ...added.currencies])].sort();
    change.set<FxHead>(fxHeadPath, { fxVersion, months: { ...head.months, [month]: fxVersion }, currencies });
  }
  return added;
}

/** Whether a month is to be written: it has new rates, or somebody says something new about stored ones. */
export function isNews({ changedDays, isNewDissent }: MonthChange): boolean {
  return changedDays.length > 0 || isNewDissent;
}
