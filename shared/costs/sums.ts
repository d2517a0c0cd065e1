import { Decimal as DecimalModes } from "decimal.js";
import { type Decimal, parseAmount, zero } from "#shared/money/amount.ts";

export const bases = ["effective", "billed", "list", "contracted"] as const;

/** Which of the four costs `total_cost` means. Source: costs.md 2. */
export type Basis = (typeof bases)[number];

/** Names of the exact sums that every group of rows has. */
export const amountNames = [...bases, "negotiated", "commitment", "credits"] as const;

export type AmountName = (typeof amountNames)[number];

/** Before the names of sums in the rows' own currency. */
export const nativePrefix = "native_";

export const nativeNames = amountNames.map((name) => `${nativePrefix}${name}` as const);

/**
 * Exact sums of rows of one currency. `negotiated` (list - contracted) and `commitment` (contracted - effective) are over
 * the rows that count for savings; `credits` is the billed cost of Credit rows.
 */
export type Sums = Readonly<Record<AmountName, Decimal>> & { readonly rows: number };

export const noSums: Sums = sumsOf(() => zero, 0);

export function addSums(a: Sums, b: Sums): Sums {
  return sumsOf((name) => a[name].plus(b[name]), a.rows + b.rows);
}

export function subtractSums(a: Sums, b: Sums): Sums {
  return sumsOf((name) => a[name].minus(b[name]), a.rows - b.rows);
}

/** From a record of decimal text, as the month frames give it; `prefix` stands before the names of the amounts. */
export function readSums(record: Readonly<Record<string, unknown>>, prefix = ""): Sums {
  return sumsOf((name) => parseAmount(String(record[`${prefix}${name}`])), Number(record["rows"]));
}

export function savingsOf(sums: Sums): Decimal {
  return sums.negotiated.plus(sums.commitment);
}

/** part / whole x 100 with 2 decimals, half away from zero; null when the whole is 0. A ratio, not money. */
export function percentage(part: Decimal, whole: Decimal): number | null {
  if (whole.isZero()) return null;
  const percent = part.times(100).div(whole).toDecimalPlaces(2, DecimalModes.ROUND_HALF_UP);
  return percent.isZero() ? 0 : percent.toNumber();
}

function sumsOf(amount: (name: AmountName) => Decimal, rows: number): Sums {
  const [effective, billed, list, contracted] = [
    amount("effective"),
    amount("billed"),
    amount("list"),
    amount("contracted"),
  ];
  const [negotiated, commitment, credits] = [amount("negotiated"), amount("commitment"), amount("credits")];
  return { effective, billed, list, contracted, negotiated, commitment, credits, rows };
}
