import { amountText, parseAmount } from "#shared/money/amount.ts";
import type { Totals } from "./ledger.ts";

/** Sums of billed and effective amounts by currency, exact. */
export function sumTotals(all: readonly Totals[]): Totals {
  const sums: Totals = {};
  for (const totals of all) {
    for (const [currency, [billed, effective]] of Object.entries(totals)) {
      const [b, e] = sums[currency] ?? ["0", "0"];
      sums[currency] = [combined(b, billed, "plus"), combined(e, effective, "plus")];
    }
  }
  return sums;
}

/** New less old per currency; a currency that is on one side only counts as 0 on the other. */
export function deltaOf(before: Totals, after: Totals): Totals {
  const currencies = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return Object.fromEntries(
    currencies.map((currency) => {
      const [billed, effective] = after[currency] ?? ["0", "0"];
      const [oldBilled, oldEffective] = before[currency] ?? ["0", "0"];
      return [currency, [combined(billed, oldBilled, "minus"), combined(effective, oldEffective, "minus")]];
    }),
  );
}

function combined(one: string, other: string, operation: "plus" | "minus"): string {
  return amountText(parseAmount(one)[operation](parseAmount(other)));
}
