import { type Decimal, parseAmount, roundAmount, zero } from "#shared/money/amount.ts";
import { type DailyShares, dailyShares, nthShare } from "#shared/money/daily-share.ts";
import { type Cycle, cycleOf } from "./cycles.ts";
import { type ChargedTerms, type ChargedVersion, isLive } from "./plan.ts";
import { addDays, daysFrom, earliestDay } from "./plan-days.ts";

/** What a whole cycle costs, and would cost without its discount. */
export interface CycleCost {
  cost: Decimal;
  list: Decimal;
}

type Priced = Pick<
  ChargedTerms,
  "pricingModel" | "unitPrice" | "yearlyPrice" | "billingCycle" | "seats" | "discountType" | "discountValue"
>;

/**
 * The cost of a cycle; undefined where seats are paid for at an unknown price: that is unpriced, never 0. No seats cost
 * nothing in either pricing model. Source: `prices-and-plans.md` C5.1.
 */
export function cycleCost(terms: Priced): CycleCost | undefined {
  if (terms.seats === 0) return { cost: zero, list: zero };
  const base = basePrice(terms);
  if (base === undefined) return undefined;
  const list = base.times(terms.pricingModel === "PER_SEAT" ? terms.seats : 1);
  return { cost: roundAmount(discounted(list, terms)), list: roundAmount(list) };
}

/** The price that counts: of the year where an annual plan has one, else the unit's. */
export function basePrice({ yearlyPrice, unitPrice, billingCycle }: Priced): Decimal | undefined {
  const yearly = yearlyPrice === null ? zero : parseAmount(yearlyPrice);
  if (billingCycle === "annual" && yearly.greaterThan(0)) return yearly;
  return unitPrice === null ? undefined : parseAmount(unitPrice);
}

function discounted(list: Decimal, { discountType, discountValue }: Priced): Decimal {
  if (discountType === null || discountValue === null) return list;
  const value = parseAmount(discountValue);
  const cost =
    discountType === "percent" ? list.times(parseAmount("100").minus(value)).dividedBy(100) : list.minus(value);
  return cost.isNegative() ? zero : cost;
}

/** A stretch of a version within one cycle. */
export interface Stretch {
  cycle: Cycle;
  /** First and last day of the version in the cycle. */
  first: string;
  last: string;
}

/** The cycles a version runs through from one day to another, in order; none for a version without days. */
export function stretchesOf(version: ChargedVersion, from: string, to: string): Stretch[] {
  if (!isLive(version)) return [];
  const stretches: Stretch[] = [];
  const last = earliestDay([version.endDate, to]) ?? to;
  let day = version.startDate > from ? version.startDate : from;
  while (day <= last) {
    const cycle = cycleOf(version, day);
    stretches.push({ cycle, first: day, last: cycle.end < last ? cycle.end : last });
    day = addDays(cycle.end, 1);
  }
  return stretches;
}

/** The shares of a cycle's days, at cost and at list price. */
export interface CycleShares {
  cost: DailyShares;
  list: DailyShares;
}

export function cycleShares({ cost, list }: CycleCost, cycle: Cycle): CycleShares {
  return { cost: dailyShares(cost, cycle.days), list: dailyShares(list, cycle.days) };
}

/** What one day of the cycle has of a total spread over it. */
export function shareOn(shares: DailyShares, cycle: Cycle, day: string): Decimal {
  return nthShare(shares, daysFrom(cycle.start, day) + 1);
}

/** What the days from one to another, both of the cycle, have together; 0 when there are none. */
export function shareBetween(shares: DailyShares, cycle: Cycle, from: string, to: string): Decimal {
  const [first, after] = [daysFrom(cycle.start, from), daysFrom(cycle.start, to) + 1];
  if (after <= first) return zero;
  const longer = Math.max(0, Math.min(after, shares.longer) - first);
  return shares.high.times(longer).plus(shares.low.times(after - first - longer));
}

/** One day of a version. */
export interface ChargedDay {
  day: string;
  cycle: Cycle;
  cost: Decimal;
  list: Decimal;
}

/** The days of a version that cost something, in order. A version whose price is unknown has none. Source: C5.3, C5.4. */
export function chargedDays(version: ChargedVersion, from: string, to: string): ChargedDay[] {
  const whole = cycleCost(version);
  if (whole === undefined || whole.cost.isZero()) return [];
  return stretchesOf(version, from, to).flatMap(({ cycle, first, last }) => {
    const shares = cycleShares(whole, cycle);
    return Array.from({ length: daysFrom(first, last) + 1 }, (_, at) => addDays(first, at)).flatMap((day) => {
      const cost = shareOn(shares.cost, cycle, day);
      return cost.isZero() ? [] : [{ day, cycle, cost, list: shareOn(shares.list, cycle, day) }];
    });
  });
}
