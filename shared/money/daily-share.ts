import { type Decimal, parseAmount } from "./amount.ts";

const unit = parseAmount("0.000000000001");

/** The days of a period: the first `longer` of them have `high` each, all others `low`. */
export interface DailyShares {
  high: Decimal;
  low: Decimal;
  longer: number;
}

/**
 * A total spread over so many days: whole units of 1e-12, what is left over one each to the first days, so that all days
 * add up to the total exactly. The total has at most 12 decimals and is not negative. Source: `prices-and-plans.md` C5.3.
 */
export function dailyShares(total: Decimal, days: number): DailyShares {
  const units = BigInt(total.dividedBy(unit).toFixed(0));
  const each = units / BigInt(days);
  const low = parseAmount(String(each)).times(unit);
  return { high: low.plus(unit), low, longer: Number(units % BigInt(days)) };
}

/** The share of one day of the period, counted from 1. */
export function nthShare({ high, low, longer }: DailyShares, day: number): Decimal {
  return day <= longer ? high : low;
}

/** The share of one day, counted from 1, of a total spread over so many days. Throws `RangeError` for a day outside. */
export function shareOfDay(total: Decimal, day: number, days: number): Decimal {
  if (!Number.isInteger(day) || day < 1 || day > days) throw new RangeError(`day ${day} is not one of ${days}`);
  return nthShare(dailyShares(total, days), day);
}
