import { type Decimal, parseAmount } from "#shared/money/amount.ts";
import { compareText, unallocated } from "./tree.ts";

/** Amounts are divided in units of 10^-12: what a stored amount has at most. */
const unitDigits = 12;

export type Reason =
  | "no_rule"
  | "unmapped_tag"
  | "unmapped_usage"
  | "no_usage"
  | "no_weights"
  | "split_remainder"
  | "entity_deleted"
  | "unknown_entity";

/** A part of a row: the fraction is its weight of the sum of all weights of the row. */
export interface Share {
  /** An entity, or `UNALLOCATED`. */
  entityId: string;
  weight: bigint;
  /** Why it reached nobody; null for an entity. */
  reason: Reason | null;
}

export function shareOf(entityId: string, weight = 1n): Share {
  return { entityId, weight, reason: null };
}

export function unallocatedShare(reason: Reason, weight = 1n): Share {
  return { entityId: unallocated, weight, reason };
}

/** Shares of one entity (and reason) as one, without empty ones, by entity. */
export function mergedShares(shares: readonly Share[]): Share[] {
  const merged = new Map<string, Share>();
  for (const share of shares) {
    if (share.weight === 0n) continue;
    const key = `${share.entityId} ${share.reason ?? ""}`;
    const known = merged.get(key);
    merged.set(key, known === undefined ? share : { ...known, weight: known.weight + share.weight });
  }
  return [...merged.values()].sort(byEntity);
}

function byEntity(a: Share, b: Share): number {
  return compareText(a.entityId, b.entityId) || compareText(a.reason ?? "", b.reason ?? "");
}

/** Units of 10^-12 of a stored amount. */
export function unitsOf(amount: Decimal): bigint {
  return BigInt(amount.times(`1e${unitDigits}`).toFixed(0));
}

export function amountOfUnits(units: bigint): Decimal {
  return parseAmount(`${units}e-${unitDigits}`);
}

/** Decimal weights, not negative, as whole numbers with the same proportions. */
export function wholeWeights(weights: readonly Decimal[]): bigint[] {
  const digits = Math.max(0, ...weights.map((weight) => weight.decimalPlaces()));
  return weights.map((weight) => BigInt(weight.times(`1e${digits}`).toFixed(0)));
}

/**
 * Divides by largest remainder: every part is its fraction cut down, the units left over go one each to the largest cut
 * off fractions, ties to the smaller entity id by code point; then the sign. The parts always sum to the amount. `shares`
 * must be merged and have a positive weight. Source: hierarchy.md 2.3.
 */
export function divided(units: bigint, shares: readonly Share[]): bigint[] {
  const [only] = shares;
  if (shares.length === 1 && only !== undefined) return [units];
  const isNegative = units < 0n;
  const whole = isNegative ? -units : units;
  const total = shares.reduce((sum, share) => sum + share.weight, 0n);
  const parts = shares.map(({ weight }) => (whole * weight) / total);
  let left = whole - parts.reduce((sum, part) => sum + part, 0n);
  if (left > 0n) {
    const rests = shares.map(({ weight }, at) => ({ at, rest: (whole * weight) % total }));
    // Shares stand by entity: a stable sort keeps the smaller id first among equal rests.
    rests.sort((a, b) => (a.rest === b.rest ? a.at - b.at : a.rest > b.rest ? -1 : 1));
    for (const { at } of rests) {
      if (left === 0n) break;
      parts[at] = (parts[at] ?? 0n) + 1n;
      left -= 1n;
    }
  }
  return isNegative ? parts.map((part) => -part) : parts;
}
