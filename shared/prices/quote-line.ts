import { type Decimal, parseAmount } from "#shared/money/amount.ts";
import type { Assumption } from "./assumptions.ts";
import type { UsedBefore } from "./discounts.ts";
import type { Terms, TokenMeter, UnitMeter } from "./price.ts";

/** Usage of one model on one UTC day; the meters are disjoint. */
export interface PaygUsage {
  provider: string;
  /** Null where the usage names none: only provider-wide unit prices can hold. */
  model: string | null;
  day: string;
  region: string;
  serviceTier: string;
  requestInputTokens?: Decimal;
  contextWindow: string | null;
  speed: string | null;
  /** False where cached and uncached input are not told apart: the cost of input is an estimate. */
  isCacheSplit?: boolean;
  tokens: Partial<Record<TokenMeter, Decimal>>;
  units: Partial<Record<UnitMeter, Decimal>>;
  /** Needed where a price has volume discounts or a free tier. */
  before?: ((terms: Terms) => UsedBefore) | undefined;
}

/** One priced meter. Costs are rounded to 12 decimals; everything is null where the meter is unpriced. */
export interface QuoteLine {
  meter: TokenMeter | UnitMeter;
  quantity: Decimal;
  /** Units the rates are for. */
  per: number;
  rate: Decimal | null;
  listRate: Decimal | null;
  /** Of region and speed, on both rates. */
  multiplier: Decimal;
  listCost: Decimal | null;
  cost: Decimal | null;
  currency: string | null;
  priceId: string | null;
  assumptions: Assumption[];
}

/** A meter that nobody has priced; never an amount of 0. */
export function unpricedLine(meter: TokenMeter | UnitMeter, quantity: Decimal, per: number): QuoteLine {
  const none = { rate: null, listRate: null, listCost: null, cost: null, currency: null, priceId: null };
  return { meter, quantity, per, ...none, multiplier: parseAmount("1"), assumptions: [] };
}
