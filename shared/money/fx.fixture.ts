import type { Documents } from "#shared/platform/documents/documents.ts";
import { type FxHead, type FxMonth, fxMonthOf, type PublishedRates } from "./fx.ts";
import { addRates } from "./fx-record.ts";
import { emptyFxHead, fxHeadPath, fxMonthPath } from "./fx-store.ts";

export type Days = Readonly<Record<string, Record<string, string>>>;

/** The set of Friday 2026-07-03 that the vectors of prices-and-plans.md D use, base EUR. */
export const friday: Days = { "2026-07-03": { USD: "1.1402", GBP: "0.8511" } };

export function publishedRates(days: Days, base = "EUR"): PublishedRates[] {
  return Object.entries(days).map(([publishedOn, rates]) => ({ base, publishedOn, rates }));
}

interface Recorded {
  source?: string;
  base?: string;
  force?: boolean;
  recordedAt?: string;
}

/** Records sets as a load does, without a request. */
export async function storeRates(documents: Documents, days: Days, by: Recorded = {}): Promise<void> {
  const { source = "ecb", base = "EUR", force = false, recordedAt = "2026-07-03T15:30:00.000Z" } = by;
  for (const month of new Set(Object.keys(days).map(fxMonthOf))) {
    const own = publishedRates(days, base).filter(({ publishedOn }) => fxMonthOf(publishedOn) === month);
    await documents.transaction(async (tx) => {
      const head = (await tx.get<FxHead>(fxHeadPath)).body ?? emptyFxHead;
      const stored = (await tx.get<FxMonth>(fxMonthPath(month))).body;
      const fxVersion = head.fxVersion + 1;
      const added = addRates(stored, own, { month, source, fxVersion, recordedAt, force });
      const currencies = [...new Set([...head.currencies, ...added.currencies])].sort();
      tx.set(fxMonthPath(month), added.month);
      tx.set<FxHead>(fxHeadPath, { fxVersion, months: { ...head.months, [month]: fxVersion }, currencies });
    });
  }
}
