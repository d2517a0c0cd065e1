import { drift } from "../answer-fields.ts";
import type { Findings } from "../findings.ts";
import { type UsageRow, usageRowId } from "../raw-rows.ts";
import type { ProviderEntry } from "../registry-schema.ts";
import { serviceTier } from "../service-tier.ts";
import { type ModalityParts, noModalities, type TokenVector, tokenVector } from "../token-vector.ts";
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

const vectorColumns = [
  "uncached_input_tokens",
  "cache_read_tokens",
  "cache_write_5m_tokens",
  "cache_write_1h_tokens",
  "output_tokens",
  "total_tokens",
] as const;
const modalityColumns = Object.keys(noModalities) as (keyof ModalityParts)[];
const noVector = { ...noModalities, ...Object.fromEntries(vectorColumns.map((name) => [name, null])) } as Record<
  (typeof vectorColumns)[number] | keyof ModalityParts,
  null
>;

/**
 * Rows of `genai_usage_daily_raw`: one per coordinates and meter, sorted by id; results with equal coordinates are summed.
 * The rows are not priced. Throws `PROVIDER_SCHEMA_DRIFT` for a vector that does not hold (U1-U4 of `providers.md` 2.5).
 */
export function usageRows(days: readonly UsageDay[], facts: UsageFacts, found: Findings): UsageRow[] {
  const rows = new Map<string, UsageRow>();
  for (const day of days) {
    for (const result of day.results) {
      const row = rowOf(result, day, facts, found);
      const known = rows.get(row.x_source_record_id);
      rows.set(row.x_source_record_id, known ? added(known, row, result.path) : row);
    }
  }
  return [...rows.values()].sort((a, b) => (a.x_source_record_id < b.x_source_record_id ? -1 : 1));
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

function added(known: UsageRow, next: UsageRow, path: string): UsageRow {
  const columns = [...vectorColumns, ...modalityColumns, "request_count"] as const;
  const sums = Object.fromEntries(columns.map((name) => [name, sum(known[name], next[name], path)]));
  return {
    ...known,
    ...sums,
    quantity: String(sum(Number(known.quantity), Number(next.quantity), path)),
    cache_split: known.cache_split && next.cache_split,
    provider_service_tier:
      known.provider_service_tier === next.provider_service_tier ? known.provider_service_tier : null,
  };
}

/** What one side does not know the sum does not know either. */
function sum(a: number | null, b: number | null, path: string): number | null {
  if (a === null || b === null) return null;
  if (!Number.isSafeInteger(a + b)) throw drift(path, "a sum of counts is too large to be exact");
  return a + b;
}
