import { type Decimal, parseAmount, roundAmount, zero } from "#shared/money/amount.ts";
import { shareOfDay } from "#shared/money/daily-share.ts";
import type { Terms } from "./price.ts";

/** Provisioned capacity of one price on one UTC day. */
export interface CommitmentUse {
  provisionedUnits: Decimal;
  usedUnits: Decimal;
  hours: Decimal;
  /** Of the commitment month, for prices per month. */
  dayOfMonth: number;
  daysOfMonth: number;
}

export interface CapacityCost {
  /** Of the units provisioned, at least the price's minimum; with term and volume discount. */
  committed: Decimal;
  /** Of the units used beyond them. */
  overage: Decimal;
  units: Decimal;
}

export interface InfrastructureUse {
  hours: Decimal;
  instances: Decimal;
  /** How the instances are bought. */
  purchase: "on_demand" | "spot" | "reserved_1yr" | "reserved_3yr";
}

const hundred = parseAmount("100");
const hoursOfMonth = 730;
const defaultOverage = "1.5";

/**
 * Hourly capacity costs units x rate x hours; monthly capacity costs its month spread over the month's days by whole
 * 1e-12 units, the rest to the first days. Undefined without a rate. Source: `prices-and-plans.md` A9, C5.3.
 */
export function commitmentCost(terms: Terms, use: CommitmentUse): CapacityCost | undefined {
  const least = parseAmount(String(terms.min_units ?? 0));
  const units = use.provisionedUnits.greaterThan(least) ? use.provisionedUnits : least;
  const overage = overageCost(terms, use);
  if (terms.hourly_rate != null) {
    const full = units.times(terms.hourly_rate).times(use.hours);
    return { units, overage, committed: roundAmount(discounted(full, terms)) };
  }
  if (terms.monthly_rate == null) return undefined;
  const month = roundAmount(discounted(units.times(terms.monthly_rate), terms));
  return { units, overage, committed: shareOfDay(month, use.dayOfMonth, use.daysOfMonth) };
}

function discounted(full: Decimal, { term_discount_pct: term, volume_discount_pct: volume }: Terms): Decimal {
  return less(less(full, term), volume);
}

function less(amount: Decimal, percent: string | null | undefined): Decimal {
  return percent == null ? amount : amount.times(hundred.minus(percent)).dividedBy(100);
}

/** Of paid-as-you-go overage the tokens are priced by their own rates. */
function overageCost(terms: Terms, { usedUnits, provisionedUnits, hours }: CommitmentUse): Decimal {
  const mode = terms.overage_mode ?? "hourly";
  if (mode !== "hourly" || usedUnits.lessThanOrEqualTo(provisionedUnits)) return zero;
  const rate = overageRate(terms);
  return rate === undefined ? zero : roundAmount(usedUnits.minus(provisionedUnits).times(rate).times(hours));
}

function overageRate(terms: Terms): Decimal | undefined {
  if (terms.overage_hourly_rate != null) return parseAmount(terms.overage_hourly_rate);
  const monthly = terms.monthly_rate == null ? undefined : parseAmount(terms.monthly_rate).dividedBy(hoursOfMonth);
  const hourly = terms.hourly_rate == null ? monthly : parseAmount(terms.hourly_rate);
  return hourly?.times(terms.overage_multiplier ?? defaultOverage);
}

/** List cost, cost after the discount of how the instances are bought, and accelerator hours. Undefined without a rate. */
export function infrastructureCost(
  terms: Terms,
  { hours, instances, purchase }: InfrastructureUse,
): { list: Decimal; cost: Decimal; gpuHours: Decimal } | undefined {
  if (terms.hourly_rate == null) return undefined;
  const full = hours.times(instances).times(terms.hourly_rate);
  const percents = {
    on_demand: null,
    spot: terms.spot_discount_pct,
    reserved_1yr: terms.reserved_1yr_discount_pct,
    reserved_3yr: terms.reserved_3yr_discount_pct,
  };
  return {
    list: roundAmount(full),
    cost: roundAmount(less(full, percents[purchase])),
    gpuHours: hours.times(instances).times(terms.gpu_count ?? 0),
  };
}
