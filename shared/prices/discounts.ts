import { type Decimal, parseAmount, zero } from "#shared/money/amount.ts";
import type { Terms } from "./price.ts";

/** What the discounts of a price depend on beside the request. */
export interface UsedBefore {
  /** All tokens of the credential and model from the 1st of the month to the day before. */
  monthToDateTokens: Decimal;
  /** All tokens of the credential and model on the day. */
  dayTokens: Decimal;
  /** Tokens of each direction since the free tier was last reset, up to this line. */
  freeInput: Decimal;
  freeOutput: Decimal;
}

const hundred = parseAmount("100");

/**
 * Share of a cost that remains after the volume discount, as numerator and denominator, so that one division rounds once:
 * of n tokens f are above the threshold (`prices-and-plans.md` A9).
 */
export function volumeShare(terms: Terms, { monthToDateTokens, dayTokens: n }: UsedBefore): [Decimal, Decimal] {
  const { volume_discount_pct: percent, volume_threshold_tokens: threshold } = terms;
  if (percent == null || n.isZero()) return [hundred, hundred];
  const above = threshold == null ? n : monthToDateTokens.plus(n).minus(threshold);
  const f = above.lessThan(0) ? zero : above.greaterThan(n) ? n : above;
  return [hundred.times(n).minus(f.times(percent)), hundred.times(n)];
}

/** What of a quantity is left to pay after the free tokens: `max(0, before + q - free) - max(0, before - free)`. */
export function paidQuantity(quantity: Decimal, before: Decimal, free: number | null | undefined): Decimal {
  if (free == null) return quantity;
  return atLeastZero(before.plus(quantity).minus(free)).minus(atLeastZero(before.minus(free)));
}

function atLeastZero(amount: Decimal): Decimal {
  return amount.lessThan(0) ? zero : amount;
}
