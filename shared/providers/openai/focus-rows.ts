import { parseAmount } from "#shared/money/amount.ts";
import { findings } from "../findings.ts";
import type { StatedQuantity } from "../focus-pricing.ts";
import { type Charge, focusRow } from "../focus-rows.ts";
import type { FocusContext, Pulled, Row } from "../provider.ts";
import type { BilledRow, UsageRow } from "../raw-rows.ts";
import type { LineItems } from "./line-items.ts";
import { type QuantityJoin, quantityJoin } from "./quantity-join.ts";

const meters: Readonly<Record<string, string>> = {
  uncached_input: "Input Tokens",
  cache_read: "Cache Read Tokens",
  cache_write_5m: "Cache Write (5m) Tokens",
  cache_write_1h: "Cache Write (1h) Tokens",
  output: "Output Tokens",
};

/**
 * Rows of `cost_data_standard` from the billed and usage rows of one run: one per billed row, since the Costs API is the
 * truth. Source: `provider-adapters.md` 3.1 and 3.12.
 */
export function openaiFocusRows(context: FocusContext, items: LineItems): Pulled {
  const found = findings();
  const billed = (context.rows["genai_billed_daily_raw"] ?? []) as unknown as readonly BilledRow[];
  const usage = (context.rows["genai_usage_daily_raw"] ?? []) as unknown as readonly UsageRow[];
  const joined = quantityJoin(billed, usage, (text) => items(text).meter);
  const { provider, accountId, accountName } = context;
  const account = { provider, accountId, accountName, accountType: "Organization" };
  const rows: Row[] = [];
  for (const row of billed) {
    const charge = chargeOf(row, joined);
    const cost = focusRow(charge, account);
    if (cost?.["x_quantity_basis"] === "charge") found.add("quantity_missing", "quantity", row.line_item);
    if (cost) rows.push(cost);
  }
  return { rows: { cost_data_standard: rows }, days: { ...context.days }, findings: found.list(), warnings: [] };
}

function chargeOf(row: BilledRow, joined: QuantityJoin): Charge {
  const sku = `openai/${row.line_item}`;
  return {
    sourceTable: "genai_billed_daily_raw",
    sourceRecordId: row.x_source_record_id,
    part: null,
    day: row.usage_date,
    periodStart: row.bucket_start,
    periodEnd: row.bucket_end,
    category: row.charge_category === "Credit" ? "Credit" : "Usage",
    amount: parseAmount(row.amount),
    currency: row.currency,
    description: row.line_item,
    subAccount: row.project_id === null ? null : { id: row.project_id, name: row.project_name, type: "Project" },
    sku: { id: sku, priceId: sku, meter: (row.token_type && meters[row.token_type]) || row.line_item },
    quantity: quantityOf(row, joined),
    dimensions: dimensionsOf(row),
  };
}

function quantityOf(row: BilledRow, joined: QuantityJoin): StatedQuantity | null {
  if (row.quantity !== null && row.quantity_unit !== null) {
    return { value: parseAmount(row.quantity), unit: row.quantity_unit, basis: "reported" };
  }
  const counted = joined(row);
  return counted && { ...counted, basis: "usage_join" };
}

function dimensionsOf(row: BilledRow): Row {
  return {
    x_cost_source: "provider_reported",
    x_cost_basis: row.cost_basis,
    x_cost_status: row.cost_status,
    x_model: row.model,
    x_genai_provider: "openai",
    x_token_type: row.token_type,
    x_service_tier: row.service_tier,
    x_context_window: row.context_window,
    x_project_id: row.project_id,
    x_api_key_id: row.api_key_id,
    x_api_key_name: row.api_key_name,
    x_user_ref: row.user_ref,
    x_allocation: null,
    x_equivalent_cost: row.equivalent_amount,
    x_credits: null,
    x_invoice_month: row.invoice_month,
    x_currency_conversion_rate: null,
  };
}
