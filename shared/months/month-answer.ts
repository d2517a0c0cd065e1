import { type Static, Type } from "@sinclair/typebox";
import type { MonthHead, Totals } from "#shared/ledger/ledger.ts";
import { moneyText, parseAmount } from "#shared/money/amount.ts";
import type { MinorDigits } from "#shared/money/currencies.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { MonthState, monthState } from "./month-state.ts";

const count = Type.Integer({ minimum: 0 });
const money = Type.String({ pattern: "^-?\\d+(\\.\\d+)?$", description: "Exact decimal text" });
const CurrencyTotal = strictObject({ currency: Type.String(), billed: money, effective: money });

/** A month of an organization's costs: what it says, what it lacks, and whether it can still change. */
export const MonthAnswer = strictObject({
  ...MonthState.properties,
  totals: Type.Array(CurrencyTotal),
  record_count: count,
  missing_day_count: count,
  unpriced_tokens: Type.String({ pattern: "^-?\\d+(\\.\\d+)?$" }),
  restatements_last_7_days: count,
  adjustments_count: count,
  adjustment_totals: Type.Array(CurrencyTotal, { description: "Beside the totals, in no sum of this month" }),
  held_batches: count,
});
export type MonthAnswer = Static<typeof MonthAnswer>;

/** What an answer says of a month beside its head. */
export interface MonthFacts {
  totals: Totals;
  rows: number;
  missingDays: number;
  unpricedTokens: string;
  restatedDays: number;
  adjustments: number;
  adjusted: Totals;
  heldBatches: number;
}

export function monthAnswer(
  { month, head, today }: { month: string; head: MonthHead; today: string },
  facts: MonthFacts,
  digits: MinorDigits,
): MonthAnswer {
  return {
    ...monthState(month, head, today),
    totals: shownTotals(facts.totals, digits),
    record_count: facts.rows,
    missing_day_count: facts.missingDays,
    unpriced_tokens: facts.unpricedTokens,
    restatements_last_7_days: facts.restatedDays,
    adjustments_count: facts.adjustments,
    adjustment_totals: shownTotals(facts.adjusted, digits),
    held_batches: facts.heldBatches,
  };
}

function shownTotals(totals: Totals, digits: MinorDigits): MonthAnswer["totals"] {
  return Object.entries(totals)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([currency, amounts]) => {
      const [billed, effective] = amounts.map((amount) => moneyText(parseAmount(amount), digits.get(currency) ?? 2));
      return { currency, billed: billed ?? "0", effective: effective ?? "0" };
    });
}
