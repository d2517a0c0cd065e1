import { amountText, type Decimal, parseAmount } from "#shared/money/amount.ts";
import type { FieldProblem } from "#shared/runtime/errors.ts";

/** Bounds of a decimal field. */
export interface DecimalRule {
  /** Digits after the point. */
  decimals: number;
  maximum: string;
}

/** Prices per cycle. Source: `prices-and-plans.md` C1. */
export const priceRule: DecimalRule = { decimals: 6, maximum: "1000000000" };

/** A request's decimal as text; what is wrong with it is added to `problems`. Null stays null. */
export function readDecimal(
  given: number | string | null,
  path: string,
  rule: DecimalRule,
  problems: FieldProblem[],
): string | null {
  if (given === null) return null;
  const value = parseAmount(String(given));
  const problem = problemOf(value, rule);
  if (problem !== undefined) problems.push({ path, problem });
  return amountText(value);
}

function problemOf(value: Decimal, { decimals, maximum }: DecimalRule): string | undefined {
  if (value.decimalPlaces() > decimals) return `must have at most ${decimals} decimals`;
  return value.greaterThan(maximum) ? `must be at most ${maximum}` : undefined;
}
