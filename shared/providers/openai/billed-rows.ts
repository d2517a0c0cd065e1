import { parseAmount } from "#shared/money/amount.ts";
import { drift } from "../answer-fields.ts";
import { billedCurrency, type StatedCharge, summedBilledRows, unstatedColumns } from "../billed-sums.ts";
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
 * and rounded once. Money of unknown line items is kept. Throws `PROVIDER_SCHEMA_DRIFT` and as `summedBilledRows`.
 */
export function billedRows(days: readonly CostDay[], facts: BilledFacts, found: Findings): BilledRow[] {
  return summedBilledRows(days.flatMap((day) => day.results.map((result) => chargeOf(result, day, facts, found))));
}

function chargeOf(result: CostResult, day: CostDay, facts: BilledFacts, found: Findings): StatedCharge {
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
  const currency = { text: result.currency, path: `${result.path}.amount.currency`, field: "amount.currency" };
  const row = {
    ...key,
    ...unstatedColumns,
    project_name: (result.projectId && facts.names.projects.get(result.projectId)) || null,
    api_key_name: (result.apiKeyId && facts.names.apiKeys.get(result.apiKeyId)) || null,
    currency: billedCurrency(currency, facts.provider, found),
    provider_amount: result.amount,
    provider_unit: "major" as const,
    description: result.lineItem,
    bucket_start: instantOfSeconds(day.startSeconds),
    bucket_end: instantOfSeconds(day.endSeconds),
    x_source_record_id: billedRowId(key),
  };
  return { row, literal: amount, quantity: quantityOf(result, isCredit) };
}

function quantityOf({ quantity, quantityUnit, path }: CostResult, isCredit: boolean): StatedCharge["quantity"] {
  if (quantity === null || quantityUnit === null) return null;
  const { unit, factor } = units[quantityUnit] ?? { unit: quantityUnit, factor: 1 };
  const value = parseAmount(quantity).times(factor);
  if (value.isNegative() && !value.isZero() && !isCredit)
    throw drift(`${path}.quantity`, "a quantity must not be negative");
  return { value, unit };
}
