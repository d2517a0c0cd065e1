import { amountText, type Decimal, parseAmount, roundAmount } from "#shared/money/amount.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { drift } from "../answer-fields.ts";
import type { Findings } from "../findings.ts";
import { type BilledRow, billedRowId } from "../raw-rows.ts";
import type { ProviderEntry } from "../registry-schema.ts";
import { instantOfSeconds } from "../utc-days.ts";
import type { LineItems } from "./line-items.ts";
import type { Names } from "./names.ts";
import type { CostResult } from "./schema.ts";

/** One UTC day of the Costs API. */
export interface CostDay {
  day: string;
  startSeconds: number;
  endSeconds: number;
  results: readonly CostResult[];
}

export interface BilledFacts {
  provider: ProviderEntry;
  accountId: string;
  names: Names;
  lineItems: LineItems;
}

interface Quantity {
  value: Decimal;
  unit: string;
}

interface Sum {
  row: BilledRow;
  amount: Decimal;
  quantity: Quantity | null;
}

/** Our unit and the factor into it; other units stay as they are. Source: `provider-adapters.md` 3.1. */
const units: Readonly<Record<string, { unit: string; factor: number }>> = {
  tokens: { unit: "tokens", factor: 1 },
  "1000_tokens": { unit: "tokens", factor: 1000 },
  duration_seconds: { unit: "seconds", factor: 1 },
  duration_minutes: { unit: "seconds", factor: 60 },
  duration_hours: { unit: "seconds", factor: 3600 },
};

/**
 * Rows of `genai_billed_daily_raw`: one per coordinates, sorted by id; results with equal coordinates are summed exactly
 * and rounded once. Money of unknown line items is kept. Throws `PROVIDER_SCHEMA_DRIFT`, `PROVIDER_BAD_RESPONSE`,
 * `AMOUNT_OUT_OF_RANGE`.
 */
export function billedRows(days: readonly CostDay[], facts: BilledFacts, found: Findings): BilledRow[] {
  const sums = new Map<string, Sum>();
  for (const day of days) {
    for (const result of day.results) add(sums, sumOf(result, day, facts, found));
  }
  return [...sums.values()].map(finished).sort((a, b) => (a.x_source_record_id < b.x_source_record_id ? -1 : 1));
}

function sumOf(result: CostResult, day: CostDay, facts: BilledFacts, found: Findings): Sum {
  const amount = parseAmount(result.amount);
  const isCredit = amount.isNegative() && !amount.isZero();
  const text = result.lineItem ?? "unspecified";
  const item = facts.lineItems(text);
  if (!item.isKnown && !isCredit) found.add("unknown_line_item", text, day.day);
  const key = {
    provider: facts.provider.slug,
    account_id: facts.accountId,
    usage_date: day.day,
    line_item: text,
    cost_type: isCredit ? "credit" : item.costType,
    charge_category: isCredit ? ("Credit" as const) : ("Usage" as const),
    model: item.model,
    token_type: item.tokenType,
    project_id: result.projectId,
    api_key_id: result.apiKeyId,
    user_ref: null,
    service_tier: item.tier,
    context_window: null,
    inference_geo: null,
  };
  const row: BilledRow = {
    ...key,
    ...unstated,
    project_name: (result.projectId && facts.names.projects.get(result.projectId)) || null,
    api_key_name: (result.apiKeyId && facts.names.apiKeys.get(result.apiKeyId)) || null,
    amount: "",
    currency: currencyOf(result, facts.provider, found),
    provider_amount: result.amount,
    description: result.lineItem,
    bucket_start: instantOfSeconds(day.startSeconds),
    bucket_end: instantOfSeconds(day.endSeconds),
    x_source_record_id: billedRowId(key),
  };
  return { row, amount, quantity: quantityOf(result, isCredit) };
}

const unstated = {
  provider_unit: "major",
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

function currencyOf({ currency, path }: CostResult, provider: ProviderEntry, found: Findings): string {
  const upper = currency.toUpperCase();
  if (!/^[A-Z]{3}$/.test(upper)) throw drift(`${path}.amount.currency`, "an ISO 4217 code was expected");
  if (upper !== provider.currency_default) found.add("currency_changed", "amount.currency", upper);
  return upper;
}

function quantityOf({ quantity, quantityUnit, path }: CostResult, isCredit: boolean): Quantity | null {
  if (quantity === null || quantityUnit === null) return null;
  const { unit, factor } = units[quantityUnit] ?? { unit: quantityUnit, factor: 1 };
  const value = parseAmount(quantity).times(factor);
  if (value.isNegative() && !value.isZero() && !isCredit)
    throw drift(`${path}.quantity`, "a quantity must not be negative");
  return { value, unit };
}

function add(sums: Map<string, Sum>, next: Sum): void {
  const id = next.row.x_source_record_id;
  const known = sums.get(id);
  if (!known) {
    sums.set(id, next);
    return;
  }
  if (known.row.currency !== next.row.currency) {
    throw new AppError("PROVIDER_BAD_RESPONSE", "The provider states one charge in two currencies.", {
      retryable: true,
    });
  }
  const amount = known.amount.plus(next.amount);
  sums.set(id, {
    row: { ...known.row, provider_amount: amountText(amount) },
    amount,
    quantity: together(known.quantity, next.quantity),
  });
}

/** A part without a quantity, or in another unit, leaves the sum without one. */
function together(a: Quantity | null, b: Quantity | null): Quantity | null {
  return a && b && a.unit === b.unit ? { unit: a.unit, value: a.value.plus(b.value) } : null;
}

function finished({ row, amount, quantity }: Sum): BilledRow {
  const stated = quantity && {
    quantity: amountText(roundAmount(quantity.value)),
    quantity_unit: quantity.unit,
    quantity_basis: "reported" as const,
  };
  return { ...row, amount: amountText(roundAmount(amount)), ...stated };
}
