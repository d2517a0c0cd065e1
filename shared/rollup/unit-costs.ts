import { percentage } from "#shared/costs/sums.ts";
import { amountOfUnits, divided, mergedShares, shareOf, unitsOf, wholeWeights } from "#shared/hierarchy/shares.ts";
import { compareText } from "#shared/hierarchy/tree.ts";
import { type Decimal, parseAmount, roundAmount, sumAmounts, zero } from "#shared/money/amount.ts";
import type { MetricDocument } from "#shared/unit-economics/metric.ts";

export type Granularity = "day" | "week" | "month";
type Aggregation = MetricDocument["aggregation"];
export type NoUnits = "no_units" | "no_metric" | "no_rate";

/** One UTC day of a report: its cost and what was measured, both in the report's currency where they are money. */
export interface UnitDay {
  day: string;
  cost: Decimal;
  /** By value of the dimension; absent: nothing was stored, or it is money without a rate. */
  values: readonly { value: string; quantity: Decimal }[] | undefined;
  lacksRate?: boolean;
  /** All that is owed of the day's cost is there. */
  isComplete: boolean;
}

/** Cost and units of some days, and the one divided by the other: a ratio of sums. */
export interface UnitCost {
  cost: Decimal;
  /** Null where nothing was stored. */
  units: Decimal | null;
  /** 12 decimals; null with a reason. */
  unitCost: Decimal | null;
  reason: NoUnits | null;
  /** Every day has its cost and a value. */
  isComplete: boolean;
}

/** Source: hierarchy.md 3. */
export function unitCost(days: readonly UnitDay[], aggregation: Aggregation): UnitCost {
  const cost = sumAmounts(days.map((day) => day.cost));
  const isComplete = days.every((day) => day.isComplete && day.values !== undefined);
  if (days.some(({ lacksRate }) => lacksRate))
    return { cost, units: null, unitCost: null, reason: "no_rate", isComplete };
  const totals = days.flatMap(({ values }) =>
    values === undefined ? [] : [sumAmounts(values.map(({ quantity }) => quantity))],
  );
  const units = aggregated(totals, aggregation);
  if (units === null) return { cost, units, unitCost: null, reason: "no_metric", isComplete };
  if (units.isZero()) return { cost, units, unitCost: null, reason: "no_units", isComplete };
  return { cost, units: roundAmount(units), unitCost: roundAmount(cost.div(units)), reason: null, isComplete };
}

/** Daily values as one; null where there are none. */
function aggregated(values: readonly Decimal[], aggregation: Aggregation): Decimal | null {
  if (values.length === 0) return null;
  if (aggregation === "last") return values.at(-1) ?? null;
  const sum = sumAmounts(values);
  return aggregation === "sum" ? sum : sum.div(values.length);
}

export interface UnitPeriod extends UnitCost {
  start: string;
  end: string;
}

/** The days by period, in order; a period at an edge of the range is as long as the range holds of it. */
export function unitPeriods(
  days: readonly UnitDay[],
  by: { granularity: Granularity; aggregation: Aggregation },
): UnitPeriod[] {
  const periods = new Map<string, UnitDay[]>();
  for (const day of days) {
    const id = periodOf(day.day, by.granularity);
    const known = periods.get(id);
    if (known === undefined) periods.set(id, [day]);
    else known.push(day);
  }
  return [...periods.values()].map((some) => ({
    start: some[0]?.day ?? "",
    end: some.at(-1)?.day ?? "",
    ...unitCost(some, by.aggregation),
  }));
}

/** The first day of a day's period: weeks begin on Monday (ISO 8601). */
function periodOf(day: string, granularity: Granularity): string {
  if (granularity === "day") return day;
  if (granularity === "month") return day.slice(0, 7);
  const at = new Date(`${day}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() - ((at.getUTCDay() + 6) % 7));
  return at.toISOString().slice(0, 10);
}

export interface DimensionCost {
  value: string;
  units: Decimal;
  cost: Decimal;
  unitCost: Decimal | null;
  sharePercent: number | null;
}

/**
 * Every day's cost divided over that day's values by largest remainder, ties to the smallest value; a day with cost and
 * nothing measured goes to `unallocated`. All parts and it sum to the cost. Largest first. Source: hierarchy.md 2.3, 3.
 */
export function costsByDimension(
  days: readonly UnitDay[],
  aggregation: Aggregation,
): { values: DimensionCost[]; unallocated: Decimal } {
  const total = sumAmounts(days.map(({ cost }) => cost));
  const costs = new Map<string, Decimal>();
  const units = new Map<string, Decimal[]>();
  let unallocated = zero;
  for (const { cost, values = [] } of days) {
    for (const { value, quantity } of values) units.set(value, [...(units.get(value) ?? []), quantity]);
    const parts = partsOf(cost, values);
    if (parts === undefined) unallocated = unallocated.plus(cost);
    for (const [value, part] of parts ?? []) costs.set(value, (costs.get(value) ?? zero).plus(part));
  }
  const found = [...units].map(([value, quantities]): DimensionCost => {
    const [cost, count] = [costs.get(value) ?? zero, aggregated(quantities, aggregation) ?? zero];
    const ratio = count.isZero() ? null : roundAmount(cost.div(count));
    return { value, units: roundAmount(count), cost, unitCost: ratio, sharePercent: percentage(cost, total) };
  });
  found.sort((a, b) => b.cost.abs().cmp(a.cost.abs()) || compareText(a.value, b.value));
  return { values: found, unallocated };
}

function partsOf(cost: Decimal, values: NonNullable<UnitDay["values"]>): [value: string, part: Decimal][] | undefined {
  const weights = wholeWeights(values.map(({ quantity }) => quantity));
  const shares = mergedShares(values.map(({ value }, at) => shareOf(value, weights[at] ?? 0n)));
  if (shares.length === 0) return undefined;
  const parts = divided(unitsOf(cost), shares);
  return shares.map(({ entityId }, at) => [entityId, amountOfUnits(parts[at] ?? 0n)]);
}

/** Cost as a part of money, 2 decimals; null where there is no money. */
export function ratioPercent({ cost, units }: UnitCost): number | null {
  return units === null ? null : percentage(cost, units);
}

export function marginOf({ cost, units }: UnitCost): Decimal | null {
  return units === null ? null : units.minus(cost);
}

/** A quantity of money at a rate, 12 decimals, half to even. */
export function atRate(quantity: Decimal, rate: string): Decimal {
  return roundAmount(quantity.times(parseAmount(rate)));
}
