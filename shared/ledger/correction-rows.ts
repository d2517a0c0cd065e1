import { taggedRowId } from "#shared/lineage/row-identity.ts";
import { amountText } from "#shared/money/amount.ts";
import { type Correction, costColumns } from "./correction-groups.ts";

/** What a correction keeps of the rows it corrects: who charges, for what, and all that decides to whom it goes. */
export const keptColumns = [
  "BillingAccountId",
  "BillingCurrency",
  "ChargeDescription",
  "HostProviderName",
  "InvoiceIssuerName",
  "ProviderName",
  "PublisherName",
  "RegionId",
  "ResourceId",
  "ServiceCategory",
  "ServiceName",
  "ServiceProviderName",
  "ServiceSubcategory",
  "SkuMeter",
  "SubAccountId",
  "SubAccountName",
  "Tags",
  "x_api_key_id",
  "x_category",
  "x_cost_basis",
  "x_cost_status",
  "x_credential_id",
  "x_environment",
  "x_model",
  "x_plan_line_id",
  "x_project_id",
  "x_provider",
  "x_service_tier",
  "x_simulated",
  "x_subscription_id",
] as const;

/** The closed day that rows correct, and the pipeline and source whose day it is. */
export interface CorrectedDay {
  month: string;
  /** Null where a person corrects the month. */
  day: string | null;
  pipelineId: string;
  source: string;
}

/** The lineage of a batch of corrections but the columns that the corrected rows give. */
export interface CorrectionLineage {
  orgSlug: string;
  runId: string;
  batchId: string;
  /** RFC 3339 UTC. */
  now: string;
}

/** A row of `cost_data_standard` in the open month that names what it corrects. Source: `tables.md` 4. */
export function correctionRow(correction: Correction, of: CorrectedDay): Record<string, unknown> {
  const { day, key, columns, costs } = correction;
  const month = day.slice(0, 7);
  const recordId = taggedRowId("a1", [of.month, of.day, of.pipelineId, of.source, key, month]);
  return {
    ...columns,
    ...Object.fromEntries(costColumns.map((name, at) => [name, amountText(costs[at] ?? costs[0])])),
    BillingPeriodStart: `${month}-01T00:00:00Z`,
    BillingPeriodEnd: `${monthAfter(month)}-01T00:00:00Z`,
    ChargePeriodStart: `${day}T00:00:00Z`,
    ChargePeriodEnd: `${dayAfter(day)}T00:00:00Z`,
    ChargeCategory: "Adjustment",
    ChargeClass: "Correction",
    ChargeFrequency: "One-Time",
    x_charge_date: day,
    x_row_id: taggedRowId("f1", ["adjustment", recordId, "Adjustment", null]),
    x_source_record_id: recordId,
    x_source_system: "adjustment",
    x_cost_source: "adjustment",
    x_counted: true,
    x_corrects_month: of.month,
    x_corrects_day: of.day,
    x_adjustment_date: day,
    x_pipeline_id: of.pipelineId,
    x_source: of.source,
  };
}

/** The columns that say which batch of which run a correction came with. */
export function lineageOf({ orgSlug, runId, batchId, now }: CorrectionLineage): Record<string, unknown> {
  const today = now.slice(0, 10);
  return {
    x_org_slug: orgSlug,
    x_pipeline_run_date: today,
    x_run_id: runId,
    x_batch_id: batchId,
    x_observed_at: now,
    x_ingested_at: now,
    x_ingestion_date: today,
  };
}

/** `yyyy-mm` after `yyyy-mm`. */
export function monthAfter(month: string): string {
  const [year, number] = month.split("-").map(Number);
  return new Date(Date.UTC(year ?? 0, number ?? 1, 1)).toISOString().slice(0, 7);
}

function dayAfter(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
}
