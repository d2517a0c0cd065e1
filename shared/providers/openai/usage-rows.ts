import { drift } from "../answer-fields.ts";
import type { Findings } from "../findings.ts";
import { type UsageRow, usageRowId } from "../raw-rows.ts";
import type { ProviderEntry } from "../registry-schema.ts";
import { serviceTier } from "../service-tier.ts";
import { type TokenVector, tokenVector } from "../token-vector.ts";
import { noVector, summedUsageRows } from "../usage-sums.ts";
import { instantOfSeconds } from "../utc-days.ts";
import type { Names } from "./names.ts";
import type { CompletionCounts, UsageResult } from "./schema.ts";
import type { UsageEndpoint } from "./usage-endpoints.ts";

/** One UTC day of one usage endpoint. */
export interface UsageDay {
  endpoint: UsageEndpoint;
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
 * Rows of `genai_usage_daily_raw`: one per coordinates and meter, sorted by id; results with equal coordinates are summed.
 * The rows are not priced. Throws `PROVIDER_SCHEMA_DRIFT` for a vector that does not hold (U1-U4 of `providers.md` 2.5).
 */
export function usageRows(days: readonly UsageDay[], facts: UsageFacts, found: Findings): UsageRow[] {
  return summedUsageRows(
    days.flatMap((day) => day.results.map((result) => ({ row: rowOf(result, day, facts, found), path: result.path }))),
  );
}

function rowOf(result: UsageResult, day: UsageDay, facts: UsageFacts, found: Findings): UsageRow {
  const { endpoint } = day;
  const key = {
    provider: facts.provider.slug,
    account_id: facts.accountId,
    usage_date: day.day,
    operation: endpoint.name,
    meter: endpoint.meter,
    model: result.model,
    project_id: result.projectId,
    api_key_id: result.apiKeyId,
    user_ref: null,
    service_tier: tierOf(result, day.hasTiers, found),
    context_window: null,
    inference_geo: null,
    variant: result.variant,
  };
  const vector = result.tokens && vectorOf(result.tokens, result.path, found);
  return {
    ...key,
    project_name: (result.projectId && facts.names.projects.get(result.projectId)) || null,
    api_key_name: (result.apiKeyId && facts.names.apiKeys.get(result.apiKeyId)) || null,
    provider_service_tier: result.tier,
    quantity: String(vector ? vector.total_tokens : result.quantity),
    unit: endpoint.unit,
    request_count: result.requests,
    failed_request_count: null,
    ...(vector ?? noVector),
    cache_split: endpoint.hasCache && result.tokens ? result.tokens.cached !== null : true,
    quantity_basis: "reported",
    price_status: "none",
    bucket_start: instantOfSeconds(day.startSeconds),
    bucket_end: instantOfSeconds(day.endSeconds),
    x_source_record_id: usageRowId(key),
  };
}

function tierOf(result: UsageResult, hasTiers: boolean, found: Findings): string {
  if (result.isBatch) return "batch";
  return hasTiers ? serviceTier(result.tier, "service_tier", found) : "standard";
}

function vectorOf(counts: CompletionCounts, path: string, found: Findings): TokenVector {
  const read = counts.cached ?? 0;
  const written = counts.cacheWrite ?? 0;
  const uncached = counts.uncached ?? counts.input - read - written;
  if (uncached + read + written !== counts.input)
    throw drift(`${path}.input_tokens`, "it is not the sum of its uncached and cached parts");
  if (uncached < 0) throw drift(`${path}.input_cached_tokens`, "more cached tokens than input tokens");
  return tokenVector(
    {
      uncached_input_tokens: uncached,
      cache_read_tokens: read,
      cache_write_5m_tokens: written,
      cache_write_1h_tokens: 0,
      output_tokens: counts.output,
    },
    {
      audio_input_tokens: counts.inputAudio,
      image_input_tokens: counts.inputImage,
      cached_audio_tokens: counts.cachedAudio,
      cached_image_tokens: counts.cachedImage,
      audio_output_tokens: counts.outputAudio,
      image_output_tokens: counts.outputImage,
      reasoning_output_tokens: null,
    },
    { path, found },
  );
}
