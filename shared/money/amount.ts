import { Decimal as DecimalJs } from "decimal.js";
import { AppError } from "#shared/runtime/errors.ts";

/**
 * 80 digits keep a product of two stored amounts (38 digits each) exact. The exponent range ends a literal such as
 * 1e999999999 before its plain text is ever built.
 */
const AmountDecimal = DecimalJs.clone({
  precision: 80,
  rounding: DecimalJs.ROUND_HALF_EVEN,
  minE: -1000,
  maxE: 1000,
  defaults: true,
});

/** An exact amount, price or quantity. Made by this file alone, so that no other precision or rounding exists. */
export type Decimal = DecimalJs;

const decimals = 12;
const integerDigits = 26;
const literal = /^-?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d{1,9})?$/;
const maxLiteralLength = 1000;

export const zero: Decimal = new AmountDecimal(0);

export function isAmount(value: unknown): value is Decimal {
  return DecimalJs.isDecimal(value);
}

/**
 * Reads a plain or E notation literal exactly, unrounded. Throws `AMOUNT_INVALID` for anything else (NaN, Infinity,
 * separators, blanks, a plus in front, a currency sign), `AMOUNT_OUT_OF_RANGE` beyond 10^1000.
 */
export function parseAmount(text: string): Decimal {
  if (text.length > maxLiteralLength || !literal.test(text)) {
    throw new AppError("AMOUNT_INVALID", `not a decimal literal: ${JSON.stringify(text.slice(0, 60))}`);
  }
  const amount = new AmountDecimal(text);
  if (!amount.isFinite()) throw outOfRange();
  return amount;
}

/**
 * What a writer stores: 12 decimals, half to even, never -0. Round once, at the end. Throws `AMOUNT_OUT_OF_RANGE` when
 * more than 26 integer digits remain. Source: tables.md 1.
 */
export function roundAmount(amount: Decimal): Decimal {
  const rounded = amount.toDecimalPlaces(decimals, DecimalJs.ROUND_HALF_EVEN);
  if (!rounded.isFinite() || rounded.e >= integerDigits) throw outOfRange();
  return rounded.isZero() ? zero : rounded;
}

/** Plain text with all digits and no more: no exponent, no trailing zeros, no -0. Throws `AMOUNT_OUT_OF_RANGE` unless finite. */
export function amountText(amount: Decimal): string {
  if (!amount.isFinite()) throw outOfRange();
  return amount.isZero() ? "0" : amount.toFixed();
}

/**
 * Money as answers show it: at least the currency's minor digits, at most 12, further trailing zeros cut ("12.50").
 * Source: costs.md 4. `minorDigits` comes from `currencies.ts`. Throws as `roundAmount`.
 */
export function moneyText(amount: Decimal, minorDigits: number): string {
  const rounded = roundAmount(amount);
  return rounded.toFixed(Math.max(rounded.decimalPlaces(), minorDigits));
}

/** The exact sum; of none it is 0. Callers keep currencies apart. */
export function sumAmounts(amounts: Iterable<Decimal>): Decimal {
  let sum = zero;
  for (const amount of amounts) sum = sum.plus(amount);
  return sum;
}

/** Moves two places, for providers that state cents whatever the currency. Unrounded. Source: providers.md 2.6. */
export function centsToMajor(cents: Decimal): Decimal {
  return cents.times("0.01");
}

function outOfRange(): AppError {
  return new AppError("AMOUNT_OUT_OF_RANGE", `an amount has more than ${integerDigits} integer digits`);
}
