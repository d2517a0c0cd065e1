import type { Totals } from "#shared/ledger/ledger.ts";
import { type Decimal, parseAmount, zero } from "#shared/money/amount.ts";
import type { CheckedRows, Group, Verdict } from "./checked-rows.ts";
import type { ExpectationOf } from "./expectation.ts";
import { sumsBy } from "./group-sums.ts";

/** What is published, as totals. */
export interface Baseline {
  of(source: string, day: string): Totals | undefined;
  /** Of the published ones among the days before this one. */
  before(source: string, day: string, days: number): Totals[];
}

const leastKnownDays = 7;

type CostColumn = ExpectationOf<"total_change_within">["column"];

/** The new total of a group against what was published for it, or against the median of the days before it. */
export async function totalChangeWithin(
  expectation: ExpectationOf<"total_change_within">,
  rows: CheckedRows,
  baseline: Baseline,
): Promise<Verdict[]> {
  const sums = await sumsBy(rows, expectation.column, ["BillingCurrency"]);
  return rows.groups.flatMap((group) => {
    const bases = basesOf(expectation, group, baseline);
    if (bases === undefined) return [];
    const own = [...sums.values()].filter((one) => one.group === group.name);
    const now = new Map(own.map(({ key, sum }) => [key, sum]));
    return [...new Set([...bases.keys(), ...now.keys()])].sort().flatMap((currency) => {
      const [base, total] = [bases.get(currency) ?? zero, now.get(currency) ?? zero];
      if (isWithinChange(expectation, base, total)) return [];
      return [
        {
          group: group.name,
          observed: `${total.toFixed()} ${currency} after ${base.toFixed()}`,
          bound: `within ${expectation.max_pct} % or ${expectation.min_abs}`,
          offending: [currency],
          isMild: base.isZero(),
        },
      ];
    });
  });
}

/** base / (1 + p) <= new <= base x (1 + p), or abs(new - base) <= min_abs; for credits the bounds change places. */
function isWithinChange(expectation: ExpectationOf<"total_change_within">, base: Decimal, total: Decimal): boolean {
  if (total.minus(base).abs().lte(parseAmount(expectation.min_abs))) return true;
  const factor = parseAmount(expectation.max_pct).div(100).plus(1);
  const [one, other] = [base.div(factor), base.times(factor)];
  const [low, high] = one.lte(other) ? [one, other] : [other, one];
  return total.gte(low) && total.lte(high);
}

/** Sum of the bases of the group's days by currency; undefined where too little is known to judge. */
function basesOf(
  expectation: ExpectationOf<"total_change_within">,
  group: Group,
  baseline: Baseline,
): Map<string, Decimal> | undefined {
  const bases = new Map<string, Decimal>();
  for (const { source, day } of group.days) {
    const known =
      expectation.baseline === "previous_publication"
        ? amountsOf(baseline.of(source, day), expectation.column)
        : medianOf(baseline.before(source, day, expectation.days), expectation.column);
    if (known === undefined) return undefined;
    for (const [currency, amount] of known) bases.set(currency, (bases.get(currency) ?? zero).plus(amount));
  }
  return bases;
}

function medianOf(before: readonly Totals[], column: CostColumn): Map<string, Decimal> | undefined {
  if (before.length < leastKnownDays) return undefined;
  const known = before.map((totals) => amountsOf(totals, column) ?? new Map<string, Decimal>());
  const currencies = new Set(known.flatMap((day) => [...day.keys()]));
  return new Map([...currencies].map((currency) => [currency, median(known.map((day) => day.get(currency) ?? zero))]));
}

function median(amounts: readonly Decimal[]): Decimal {
  const sorted = [...amounts].sort((a, b) => a.comparedTo(b));
  const middle = Math.floor(sorted.length / 2);
  const [upper, lower] = [sorted[middle] ?? zero, sorted[middle - 1] ?? zero];
  return sorted.length % 2 === 1 ? upper : upper.plus(lower).div(2);
}

function amountsOf(totals: Totals | undefined, column: CostColumn): Map<string, Decimal> | undefined {
  if (totals === undefined) return undefined;
  const at = column === "BilledCost" ? 0 : 1;
  return new Map(Object.entries(totals).map(([currency, pair]) => [currency, parseAmount(pair[at])]));
}
