import { type Decimal, parseAmount, roundAmount } from "./amount.ts";

/**
 * The FX book: what one unit of money is worth in another, on a UTC day, and who says so. Rates are kept as sources
 * published them, per unit of a base; what is stored never changes. Source: `prices-and-plans.md` D.
 */

/** Rates that one source published for one UTC day: units of each currency per unit of the base, as decimal text. */
export interface PublishedRates {
  base: string;
  publishedOn: string;
  rates: Record<string, string>;
}

/** A stored part of a day's rates of one source. Later parts add currencies, or replace values where forced. */
export interface FxSet extends PublishedRates {
  source: string;
  recordedAt: string;
  /** Version of the market at which it came: a look-up at an older version does not see it. */
  fxVersion: number;
}

/** Another value for what is stored; kept beside it, never used. */
export interface FxDissent {
  day: string;
  source: string;
  currency: string;
  kept: string;
  claimed: string;
  recordedAt: string;
}

/** Document `fx/{yyyy-mm}`. */
export interface FxMonth {
  month: string;
  /** By UTC day, in the order they were recorded. */
  days: Record<string, FxSet[]>;
  dissent: FxDissent[];
}

/** Document `fx/current`: what every look-up reads first. */
export interface FxHead {
  /** Grows by one with every month that gets rates. */
  fxVersion: number;
  /** Version at which each month last changed. */
  months: Record<string, number>;
  /** Every currency of any set; what is not here needs no search. */
  currencies: string[];
}

/** Currencies tied to the US dollar: units per dollar. */
export type Pegs = ReadonlyMap<string, Decimal>;

/** All rates of one source and day in one base, the base itself and pegged currencies included. */
export interface RateSet {
  day: string;
  base: string;
  source: string;
  rates: ReadonlyMap<string, Decimal>;
}

export type FxMethod = "org" | "bill" | "market" | "seed";

/** A dated rate as answers show it: 1 `from` is `rate` `to`. */
export interface FxRate {
  from: string;
  to: string;
  /** Decimal text, 12 decimals at most. */
  rate: string;
  /** UTC day of the set; for a rate of the organization or a bill the day asked for. */
  rate_date: string;
  source: string;
  method: FxMethod;
  /** The set is of an earlier day. */
  carried: boolean;
  /** More than five days earlier, later than the day, or a seed. */
  stale: boolean;
}

export interface Pair {
  from: string;
  to: string;
}

/** How far a set is carried forward before its rates count as stale: Good Friday to Easter Monday and a day more. */
export const carriedDays = 5;

/** Bounds of a rate that fits the columns: an amount below 10^15 stays within 26 integer digits. */
const smallestRate = parseAmount("0.000000000001");
const tooLargeRate = parseAmount("1e11");
const dollar = "USD";

export const one: Decimal = parseAmount("1");

/** `yyyy-mm` of a UTC day. */
export function fxMonthOf(day: string): string {
  return day.slice(0, 7);
}

/** True for a real UTC day `YYYY-MM-DD`. */
export function isUtcDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const instant = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(instant.getTime()) && instant.toISOString().startsWith(text);
}

/** UTC days from one to another; negative when the second is earlier. */
export function daysApart(from: string, to: string): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / 86_400_000);
}

/**
 * The sets of a month as they stood at a version of the market, day after day, each day's in the order their sources
 * first came: a source that comes later never moves an answer that the first one gives.
 */
export function rateSets(month: FxMonth, pegs: Pegs, fxVersion: number): RateSet[][] {
  return Object.keys(month.days)
    .sort()
    .map((day) => {
      const bySource = new Map<string, FxSet[]>();
      for (const set of month.days[day] ?? []) {
        if (set.fxVersion <= fxVersion) bySource.set(set.source, [...(bySource.get(set.source) ?? []), set]);
      }
      return [...bySource.values()].map((parts) => rateSet(day, parts, pegs));
    });
}

/** One set of the parts of a source's day; of two values for a currency the later part's holds. */
function rateSet(day: string, parts: readonly FxSet[], pegs: Pegs): RateSet {
  const { base = "", source = "" } = parts[0] ?? {};
  const rates = new Map<string, Decimal>();
  for (const part of parts) {
    for (const [currency, rate] of Object.entries(part.rates)) rates.set(currency, parseAmount(rate));
  }
  return { day, base, source, rates: withPegs(rates, base, pegs) };
}

/** The base and, through the dollar, the pegged currencies; a currency that the set holds itself stays as it is. */
export function withPegs(
  published: ReadonlyMap<string, Decimal>,
  base: string,
  pegs: Pegs,
): ReadonlyMap<string, Decimal> {
  const rates = new Map(published).set(base, one);
  const dollars = rates.get(dollar);
  if (dollars === undefined) return rates;
  for (const [currency, perDollar] of pegs) {
    if (!rates.has(currency)) rates.set(currency, dollars.times(perDollar));
  }
  return rates;
}

/** round12(rate of `to` / rate of `from`) inside one set; undefined when it lacks one, or the result fits no column. */
export function crossRate(set: Pick<RateSet, "rates">, { from, to }: Pair): Decimal | undefined {
  const [divisor, dividend] = [set.rates.get(from), set.rates.get(to)];
  return divisor === undefined || dividend === undefined ? undefined : quotient(dividend, divisor);
}

/** A rate as it may be used: 12 decimals, half to even, once; undefined when it fits no column. */
export function quotient(dividend: Decimal, divisor: Decimal): Decimal | undefined {
  const exact = dividend.div(divisor);
  if (exact.gte(tooLargeRate) || exact.lt(smallestRate)) return undefined;
  return roundAmount(exact);
}

/** round12(amount x rate). Throws `AMOUNT_OUT_OF_RANGE` when the result has more than 26 integer digits. */
export function converted(amount: Decimal, rate: Decimal): Decimal {
  return roundAmount(amount.times(rate));
}

/** A rate that can be stored: plain decimal, at most 12 decimals, above 0, below 10^11. Undefined for any other text. */
export function plainRate(text: string): string | undefined {
  if (!/^\d{1,11}(\.\d{1,12})?$/.test(text)) return undefined;
  const rate = parseAmount(text);
  return rate.isZero() ? undefined : rate.toFixed();
}
