import { parseAmount } from "#shared/money/amount.ts";
import type { StatedQuantity } from "./focus-pricing.ts";
import type { Charge } from "./focus-rows.ts";
import type { Row } from "./provider.ts";
import type { BilledRow } from "./raw-rows.ts";

const meters: Readonly<Record<string, string>> = {
  uncached_input: "Input Tokens",
  cache_read: "Cache Read Tokens",
  cache_write_5m: "Cache Write (5m) Tokens",
  cache_write_1h: "Cache Write (1h) Tokens",
  output: "Output Tokens",
};

/** What a provider's room adds to its billed row. */
export interface BilledFacts {
  /** SubAccountType, e.g. `Project`. */
  subAccountType: string;
  sku: { id: string; priceId: string };
  quantity: StatedQuantity | null;
}

/** The charge of one row of `genai_billed_daily_raw`, whole and as reported. Source: `provider-adapters.md` 3.12. */
export function billedCharge(row: BilledRow, { subAccountType, sku, quantity }: BilledFacts): Charge {
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
    subAccount: row.project_id === null ? null : { id: row.project_id, name: row.project_name, type: subAccountType },
    sku: { ...sku, meter: (row.token_type && meters[row.token_type]) || row.line_item },
    quantity,
    dimensions: dimensionsOf(row),
  };
}

function dimensionsOf(row: BilledRow): Row {
  return {
    x_cost_source: "provider_reported",
    x_cost_basis: row.cost_basis,
    x_cost_status: row.cost_status,
    x_model: row.model,
    x_genai_provider: row.provider,
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
