import type { Findings } from "../findings.ts";
import { type UsageRow, usageRowId } from "../raw-rows.ts";
import type { ProviderEntry } from "../registry-schema.ts";
import { serviceTier } from "../service-tier.ts";
import { noModalities, tokenVector } from "../token-vector.ts";
import { type CountedUsage, noVector, summedUsageRows } from "../usage-sums.ts";
import { instantOfSeconds } from "../utc-days.ts";
import type { Names } from "./names.ts";
import type { UsageResult } from "./schema.ts";

/** One UTC day of the messages usage report. */
export interface UsageDay {
  day: string;
  startSeconds: number;
  endSeconds: number;
  /** Whether the answer tells tiers apart. */
  hasTiers: boolean;
  results: readonly UsageResult[];
}

export interface UsageFacts {
  provider: ProviderEntry;
  accountId: string;
  names: Names;
}

/**
 * Rows of `genai_usage_daily_raw`: one per coordinates of tokens and, where there were any, one of web searches, sorted by
 * id; results with equal coordinates are summed. The report counts no requests. Throws `PROVIDER_SCHEMA_DRIFT` for counts
 * that are not exact.
 */
export function usageRows(days: readonly UsageDay[], facts: UsageFacts, found: Findings): UsageRow[] {
  return summedUsageRows(days.flatMap((day) => day.results.flatMap((result) => rowsOf(result, day, facts, found))));
}

function rowsOf(result: UsageResult, day: UsageDay, facts: UsageFacts, found: Findings): CountedUsage[] {
  const tier = day.hasTiers ? serviceTier(result.tier, "service_tier", found) : "standard";
  const row = (meter: string, measured: Measured): CountedUsage => ({
    row: rowOf(result, { ...day, tier, meter }, measured, facts),
    path: result.path,
  });
  const { total_tokens, ...parts } = vectorOf(result, found);
  const tokens = row("tokens", { quantity: String(total_tokens), unit: "tokens", ...parts, total_tokens });
  if (result.webSearches === 0) return [tokens];
  return [tokens, row("web_search_calls", { quantity: String(result.webSearches), unit: "requests", ...noVector })];
}

type Measured = Pick<UsageRow, "quantity" | "unit" | keyof typeof noVector>;

function rowOf(
  result: UsageResult,
  at: UsageDay & { tier: string; meter: string },
  measured: Measured,
  facts: UsageFacts,
): UsageRow {
  const key = {
    provider: facts.provider.slug,
    account_id: facts.accountId,
    usage_date: at.day,
    operation: "messages",
    meter: at.meter,
    model: result.model,
    project_id: result.workspaceId,
    api_key_id: result.apiKeyId,
    user_ref: null,
    service_tier: at.tier,
    context_window: result.contextWindow,
    inference_geo: result.geo,
    variant: null,
  };
  return {
    ...key,
    ...measured,
    project_name: (result.workspaceId && facts.names.workspaces.get(result.workspaceId)) || null,
    api_key_name: (result.apiKeyId && facts.names.apiKeys.get(result.apiKeyId)) || null,
    provider_service_tier: result.tier,
    request_count: null,
    failed_request_count: null,
    cache_split: true,
    quantity_basis: "reported",
    price_status: "none",
    bucket_start: instantOfSeconds(at.startSeconds),
    bucket_end: instantOfSeconds(at.endSeconds),
    x_source_record_id: usageRowId(key),
  };
}

function vectorOf(result: UsageResult, found: Findings): ReturnType<typeof tokenVector> {
  const parts = {
    uncached_input_tokens: result.uncached,
    cache_read_tokens: result.read,
    cache_write_5m_tokens: result.write5m,
    cache_write_1h_tokens: result.write1h,
    output_tokens: result.output,
  };
  return tokenVector(parts, noModalities, { path: result.path, found });
}
