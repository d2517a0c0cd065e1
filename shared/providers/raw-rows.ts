import { taggedRowId } from "#shared/lineage/row-identity.ts";
import type { ModalityParts, TokenParts } from "./token-vector.ts";

type Nullable<T> = { [K in keyof T]: T[K] | null };

/** Row of `genai_usage_daily_raw` without lineage; quantities as decimal text, instants ISO 8601 UTC. Source: `tables.md` 3. */
export type UsageRow = {
  usage_date: string;
  provider: string;
  account_id: string;
  operation: string;
  meter: string;
  model: string | null;
  project_id: string | null;
  project_name: string | null;
  api_key_id: string | null;
  api_key_name: string | null;
  user_ref: string | null;
  service_tier: string;
  provider_service_tier: string | null;
  context_window: string | null;
  inference_geo: string | null;
  variant: string | null;
  quantity: string;
  unit: string;
  request_count: number | null;
  failed_request_count: number | null;
  total_tokens: number | null;
  cache_split: boolean;
  quantity_basis: "reported" | "billed_sku" | "imported";
  price_status: "priced" | "unpriced" | "included" | "none";
  bucket_start: string;
  bucket_end: string;
  x_source_record_id: string;
} & Nullable<TokenParts> &
  ModalityParts;

/** Row of `genai_billed_daily_raw` without lineage. */
export type BilledRow = {
  usage_date: string;
  provider: string;
  account_id: string;
  line_item: string;
  cost_type: string;
  charge_category: "Usage" | "Purchase" | "Tax" | "Credit" | "Adjustment";
  model: string | null;
  token_type: string | null;
  project_id: string | null;
  project_name: string | null;
  api_key_id: string | null;
  api_key_name: string | null;
  user_ref: string | null;
  service_tier: string | null;
  context_window: string | null;
  inference_geo: string | null;
  amount: string;
  currency: string;
  /** The literal as the provider wrote it; of summed results the exact sum. */
  provider_amount: string;
  provider_unit: "major" | "cents";
  list_amount: string | null;
  discount_amount: string | null;
  equivalent_amount: string | null;
  quantity: string | null;
  quantity_unit: string | null;
  /** Null where the provider states no quantity: `focus.rows` says how one was found. */
  quantity_basis: "reported" | "usage_join" | "charge" | null;
  description: string | null;
  invoice_month: string | null;
  cost_basis: "provider_reported" | "balance_delta" | "imported";
  cost_status: "exact" | "estimate";
  bucket_start: string;
  bucket_end: string;
  x_source_record_id: string;
};

/** Row of `genai_activity_daily_raw` without lineage: developer analytics, in no token or cost total. */
export type ActivityRow = {
  usage_date: string;
  provider: string;
  account_id: string;
  /** A person as the organization shows people, or the name of a key. */
  user_ref: string | null;
  tool: string;
  customer_type: string | null;
  metric: string;
  value: string;
  model: string | null;
  equivalent_amount: string | null;
  currency: string | null;
  x_source_record_id: string;
};

/** Row of `genai_computed_daily` without lineage: one priced line of one usage row. Costs are null exactly when unpriced. */
export type ComputedRow = {
  usage_date: string;
  provider: string;
  model: string | null;
  /** `x_source_record_id` of the usage row. */
  usage_record_id: string;
  flow: "payg" | "commitment" | "infrastructure";
  sku_meter: string;
  service_tier: string | null;
  context_window: string | null;
  project_id: string | null;
  api_key_id: string | null;
  user_ref: string | null;
  quantity: string;
  unit: string;
  price_unit: string | null;
  unit_quantity: number | null;
  list_unit_price: string | null;
  contracted_unit_price: string | null;
  list_cost: string | null;
  contracted_cost: string | null;
  currency: string | null;
  price_status: "priced" | "unpriced" | "included";
  cost_status: "exact" | "estimate" | null;
  price_id: string | null;
  price_version: string;
  assumptions: Record<string, unknown> | null;
  x_source_record_id: string;
};

type UsageKey = Pick<
  UsageRow,
  | "provider"
  | "account_id"
  | "usage_date"
  | "operation"
  | "meter"
  | "project_id"
  | "api_key_id"
  | "user_ref"
  | "model"
  | "service_tier"
  | "context_window"
  | "inference_geo"
  | "variant"
>;

/** Identity `u1`. Source: `providers.md` 2.6. */
export function usageRowId(row: UsageKey): string {
  return taggedRowId("u1", [
    row.provider,
    row.account_id,
    row.usage_date,
    row.operation,
    row.meter,
    row.project_id,
    row.api_key_id,
    row.user_ref,
    row.model,
    row.service_tier,
    row.context_window,
    row.inference_geo,
    row.variant,
  ]);
}

type BilledKey = Pick<
  BilledRow,
  | "provider"
  | "account_id"
  | "usage_date"
  | "line_item"
  | "cost_type"
  | "charge_category"
  | "project_id"
  | "api_key_id"
  | "user_ref"
  | "model"
  | "token_type"
  | "service_tier"
  | "context_window"
  | "inference_geo"
>;

/** Identity `b1`. Source: `providers.md` 2.6. */
export function billedRowId(row: BilledKey): string {
  return taggedRowId("b1", [
    row.provider,
    row.account_id,
    row.usage_date,
    row.line_item,
    row.cost_type,
    row.charge_category,
    row.project_id,
    row.api_key_id,
    row.user_ref,
    row.model,
    row.token_type,
    row.service_tier,
    row.context_window,
    row.inference_geo,
  ]);
}

/** Identity `a1`. Source: `tables.md` 3. */
export function activityRowId(
  row: Omit<ActivityRow, "value" | "equivalent_amount" | "currency" | "x_source_record_id">,
): string {
  return taggedRowId("a1", [
    row.usage_date,
    row.provider,
    row.account_id,
    row.user_ref,
    row.tool,
    row.customer_type,
    row.metric,
    row.model,
  ]);
}

/** Identity `c1`: usage row, priced line, step of a graduated price (null: one rate for the whole line). Source: `tables.md` 3. */
export function computedRowId(usageRecordId: string, skuMeter: string, tierStep: string | null): string {
  return taggedRowId("c1", [usageRecordId, skuMeter, tierStep]);
}
