import { amountText, centsToMajor, type Decimal, roundAmount } from "#shared/money/amount.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { drift } from "./answer-fields.ts";
import type { Findings } from "./findings.ts";
import type { BilledRow } from "./raw-rows.ts";
import type { ProviderEntry } from "./registry-schema.ts";

/** One charge as the provider states it. `amount` of the row is filled by `summedBilledRows`. */
export interface StatedCharge {
  row: Omit<BilledRow, "amount">;
  /** The literal's exact value in the row's `provider_unit`. */
  literal: Decimal;
  quantity: { value: Decimal; unit: string } | null;
}

/** The columns that a provider's plain statement of a charge leaves alone. */
export const unstatedColumns = {
  list_amount: null,
  discount_amount: null,
  equivalent_amount: null,
  quantity: null,
  quantity_unit: null,
  quantity_basis: null,
  invoice_month: null,
  cost_basis: "provider_reported",
  cost_status: "exact",
} as const;

/** Upper case; not ISO 4217 is `PROVIDER_SCHEMA_DRIFT`, another than the registry's is the finding `currency_changed`. */
export function billedCurrency(
  stated: { text: string; path: string; field: string },
  { currency_default }: ProviderEntry,
  found: Findings,
): string {
  const upper = stated.text.toUpperCase();
  if (!/^[A-Z]{3}$/.test(upper)) throw drift(stated.path, "an ISO 4217 code was expected");
  if (upper !== currency_default) found.add("currency_changed", stated.field, upper);
  return upper;
}

/**
 * One row per identity, sorted by id; equal ones are summed exactly and rounded once. Throws `PROVIDER_BAD_RESPONSE` for
 * one charge in two currencies, `AMOUNT_OUT_OF_RANGE`.
 */
export function summedBilledRows(charges: Iterable<StatedCharge>): BilledRow[] {
  const sums = new Map<string, StatedCharge>();
  for (const charge of charges) {
    const id = charge.row.x_source_record_id;
    const known = sums.get(id);
    sums.set(id, known ? added(known, charge) : charge);
  }
  return [...sums.values()].map(finished).sort((a, b) => (a.x_source_record_id < b.x_source_record_id ? -1 : 1));
}

function added(known: StatedCharge, next: StatedCharge): StatedCharge {
  if (known.row.currency !== next.row.currency) {
    throw new AppError("PROVIDER_BAD_RESPONSE", "The provider states one charge in two currencies.", {
      retryable: true,
    });
  }
  const literal = known.literal.plus(next.literal);
  return {
    row: { ...known.row, provider_amount: amountText(literal) },
    literal,
    quantity: together(known.quantity, next.quantity),
  };
}

/** A part without a quantity, or in another unit, leaves the sum without one. */
function together(a: StatedCharge["quantity"], b: StatedCharge["quantity"]): StatedCharge["quantity"] {
  return a && b && a.unit === b.unit ? { unit: a.unit, value: a.value.plus(b.value) } : null;
}

function finished({ row, literal, quantity }: StatedCharge): BilledRow {
  const amount = roundAmount(row.provider_unit === "cents" ? centsToMajor(literal) : literal);
  const stated = quantity && {
    quantity: amountText(roundAmount(quantity.value)),
    quantity_unit: quantity.unit,
    quantity_basis: "reported" as const,
  };
  return { ...row, amount: amountText(amount), ...stated };
}
