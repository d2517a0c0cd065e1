import { amountText, type Decimal, parseAmount } from "./amount.ts";
import {
  carriedDays,
  crossRate,
  daysApart,
  type FxRate,
  fxMonthOf,
  one,
  type Pair,
  quotient,
  type RateSet,
} from "./fx.ts";

/** The market's sets at one version; months are read when a look-up needs them. */
export interface Market {
  /** Months that hold any set, ascending. */
  months: readonly string[];
  /** Every currency of any set, pegged ones included. */
  currencies: ReadonlySet<string>;
  /** The sets of a month, day after day, those of one day in their order of precedence. */
  days: (month: string) => Promise<readonly (readonly RateSet[])[]>;
}

/** A rate of the organization's own for exactly this pair, from its first to its last UTC day. */
export interface OrgRate extends Pair {
  rate: string;
  validFrom: string;
  /** Null is open-ended. */
  validTo: string | null;
}

/** Everything a look-up depends on: the same book gives the same rate for a pair and day, always and everywhere. */
export interface FxBook {
  /** Names the state of market and organization, e.g. `m12.o3`: the cache key of everything converted with it. */
  version: string;
  orgRates: () => Promise<readonly OrgRate[]>;
  market: Market;
  seed: RateSet;
}

/** What is asked: a pair, a UTC day, and what the bill itself says of that pair. */
export interface RateQuestion extends Pair {
  day: string;
  /** Units of `from` per unit of `to` as the bill states it. */
  billRate?: Decimal | undefined;
}

/**
 * The dated rate of a pair: the organization's own, else the bill's, else the market's, else the seed's. Undefined when
 * none of them knows the pair: then there is no amount, never a rate of 1. For A = B ask nothing: it is 1.
 */
export async function lookUpRate(asked: RateQuestion, book: FxBook): Promise<FxRate | undefined> {
  return (
    orgRate(asked, await book.orgRates()) ??
    billRate(asked) ??
    (await marketRate(asked, book.market)) ??
    seedRate(asked, book.seed)
  );
}

function orgRate(asked: RateQuestion, rates: readonly OrgRate[]): FxRate | undefined {
  const found = rates.find((rate) => rate.from === asked.from && rate.to === asked.to && covers(rate, asked.day));
  return found && exactRate(asked, parseAmount(found.rate), { source: "org", method: "org" });
}

/** Whether the day is one of the rate's. */
export function covers(rate: Pick<OrgRate, "validFrom" | "validTo">, day: string): boolean {
  return rate.validFrom <= day && (rate.validTo === null || day <= rate.validTo);
}

function billRate(asked: RateQuestion): FxRate | undefined {
  if (asked.billRate === undefined || asked.billRate.lte(0)) return undefined;
  const rate = quotient(one, asked.billRate);
  return rate && exactRate(asked, rate, { source: "bill", method: "bill" });
}

function exactRate({ from, to, day }: RateQuestion, rate: Decimal, by: Pick<FxRate, "source" | "method">): FxRate {
  return { from, to, rate: amountText(rate), rate_date: day, ...by, carried: false, stale: false };
}

async function marketRate(asked: RateQuestion, market: Market): Promise<FxRate | undefined> {
  if (!market.currencies.has(asked.from) || !market.currencies.has(asked.to)) return undefined;
  return nearestSet(asked.day, market, (set) => setRate(asked, set, "market"));
}

/**
 * What `take` makes of the nearest set it takes anything from: the latest on or before the UTC day, where there is none
 * the earliest after it.
 */
export async function nearestSet<T>(
  day: string,
  market: Market,
  take: (set: RateSet) => T | undefined,
): Promise<T | undefined> {
  const month = fxMonthOf(day);
  for (const each of market.months.filter((other) => other <= month).reverse()) {
    const days = (await market.days(each)).filter(([set]) => set !== undefined && set.day <= day);
    const taken = firstTaken(days.toReversed(), take);
    if (taken !== undefined) return taken;
  }
  for (const each of market.months.filter((other) => other >= month)) {
    const days = (await market.days(each)).filter(([set]) => set !== undefined && set.day > day);
    const taken = firstTaken(days, take);
    if (taken !== undefined) return taken;
  }
  return undefined;
}

function firstTaken<T>(days: readonly (readonly RateSet[])[], take: (set: RateSet) => T | undefined): T | undefined {
  for (const set of days.flat()) {
    const taken = take(set);
    if (taken !== undefined) return taken;
  }
  return undefined;
}

function seedRate(asked: RateQuestion, seed: RateSet): FxRate | undefined {
  const rate = setRate(asked, seed, "seed");
  return rate && { ...rate, stale: true };
}

function setRate(asked: RateQuestion, set: RateSet, method: "market" | "seed"): FxRate | undefined {
  const rate = crossRate(set, asked);
  if (rate === undefined) return undefined;
  const age = daysApart(set.day, asked.day);
  return {
    from: asked.from,
    to: asked.to,
    rate: amountText(rate),
    rate_date: set.day,
    source: set.source,
    method,
    carried: age > 0,
    stale: age < 0 || age > carriedDays,
  };
}
