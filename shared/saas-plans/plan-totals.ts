import { type Static, Type } from "@sinclair/typebox";
import { type Decimal, moneyText, sumAmounts } from "#shared/money/amount.ts";
import { type MinorDigits, minorDigits } from "#shared/money/currencies.ts";
import { FxUsed } from "#shared/money/fx-answer.ts";
import type { FxBook } from "#shared/money/fx-look-up.ts";
import { convertSums } from "#shared/money/fx-sums.ts";
import { nullable, strictObject } from "#shared/runtime/schema.ts";
import { cycleCost } from "./amortisation.ts";
import { isCharging, type PlanVersion } from "./plan.ts";
import { annualCost } from "./plan-answer.ts";

const total = nullable(
  Type.String({ description: "At today's rates; null where plans charge in a currency that has none" }),
);

export const PlanTotals = {
  total_monthly_cost: total,
  total_annual_cost: total,
  currency: Type.String(),
  totals_by_currency: Type.Record(
    Type.String(),
    strictObject({ monthly_cost: Type.String(), annual_cost: Type.String() }),
  ),
  fx: Type.Array(FxUsed, { description: "The dated rates of what was converted" }),
  completeness: strictObject({
    unconverted: Type.Array(Type.String({ description: "Currencies that are in no grand total" })),
    unpriced: Type.Array(Type.String({ description: "Versions that charge at a price nobody knows" })),
  }),
};
const Totals = strictObject(PlanTotals);
export type PlanTotals = Static<typeof Totals>;

/** What the versions that charge today cost in a month and a year: natively, and converted at the day's rates. Source: C4. */
export async function planTotals(
  versions: readonly PlanVersion[],
  by: { currency: string; today: string; digits: MinorDigits; book: FxBook },
): Promise<PlanTotals> {
  const charging = versions.filter((version) => isCharging(version, by.today));
  const years = new Map<string, Decimal[]>();
  for (const version of charging) {
    const whole = cycleCost(version)?.cost;
    if (whole === undefined || whole.isZero()) continue;
    years.set(version.currency, [...(years.get(version.currency) ?? []), annualCost(whole, version)]);
  }
  const sums = [...years].sort(([a], [b]) => (a < b ? -1 : 1)).map(([code, all]) => [code, sumAmounts(all)] as const);
  const { currency, today: day, book } = by;
  const { total: year, fx, unconverted } = await convertSums(new Map(sums), { currency, day, book });
  const shown = (amount: Decimal, code: string) => moneyText(amount, minorDigits(by.digits, code));
  return {
    total_monthly_cost: unconverted.length > 0 ? null : shown(year.dividedBy(12), currency),
    total_annual_cost: unconverted.length > 0 ? null : shown(year, currency),
    currency,
    totals_by_currency: Object.fromEntries(
      sums.map(([code, own]) => [
        code,
        { monthly_cost: shown(own.dividedBy(12), code), annual_cost: shown(own, code) },
      ]),
    ),
    fx,
    completeness: {
      unconverted,
      unpriced: charging.filter((version) => cycleCost(version) === undefined).map((each) => each.subscriptionId),
    },
  };
}
