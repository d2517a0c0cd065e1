import type { AnswerObject } from "../answer-fields.ts";
import type { Findings } from "../findings.ts";
import type { UsageEndpoint } from "./usage-endpoints.ts";

/** Only the fields that are used; every other one is counted as a finding and ignored. */

/** Where a result belongs; null = not grouped by it, or the provider names none. */
export interface Dimensions {
  projectId: string | null;
  apiKeyId: string | null;
}

export interface CostResult extends Dimensions {
  path: string;
  /** The literal, in major units. */
  amount: string;
  /** As the provider writes it. */
  currency: string;
  lineItem: string | null;
  quantity: string | null;
  quantityUnit: string | null;
}

export interface CompletionCounts {
  input: number;
  cached: number | null;
  cacheWrite: number | null;
  uncached: number | null;
  output: number;
  inputAudio: number | null;
  inputImage: number | null;
  cachedAudio: number | null;
  cachedImage: number | null;
  outputAudio: number | null;
  outputImage: number | null;
}

export interface UsageResult extends Dimensions {
  path: string;
  model: string | null;
  isBatch: boolean;
  tier: string | null;
  variant: string | null;
  requests: number | null;
  /** Set for token meters. */
  tokens: CompletionCounts | null;
  /** Set for all other meters. */
  quantity: number | null;
}

const costFields = new Set(["object", "amount", "line_item", "project_id", "api_key_id", "quantity", "quantity_unit"]);
const amountFields = new Set(["value", "currency"]);
const usageFields = new Set(
  (
    "object project_id user_id api_key_id model batch service_tier size source context_level vector_store_id " +
    "input_tokens input_cached_tokens input_cache_write_tokens input_uncached_tokens output_tokens input_text_tokens output_text_tokens " +
    "input_cached_text_tokens input_audio_tokens input_cached_audio_tokens output_audio_tokens input_image_tokens " +
    "input_cached_image_tokens output_image_tokens num_model_requests num_requests num_sessions images characters seconds usage_bytes"
  ).split(" "),
);

/** A result of the Costs API. A dimension that was grouped by must be there, even if it is null. */
export function costResult(result: AnswerObject, groupBy: readonly string[], found: Findings): CostResult {
  result.report(costFields, found);
  const amount = result.object("amount");
  amount.report(amountFields, found);
  const byLineItem = groupBy.includes("line_item");
  return {
    path: result.path,
    ...dimensionsOf(result, groupBy),
    amount: amount.literal("value"),
    currency: amount.requiredText("currency"),
    lineItem: byLineItem ? result.text("line_item") : null,
    quantity: byLineItem ? result.literalOrNull("quantity") : null,
    // Older accounts do not have this field.
    quantityUnit: byLineItem && result.has("quantity_unit") ? result.text("quantity_unit") : null,
  };
}

/** A result of a usage endpoint. */
export function usageResult(
  endpoint: UsageEndpoint,
  result: AnswerObject,
  groupBy: readonly string[],
  found: Findings,
): UsageResult {
  result.report(usageFields, found);
  const grouped = (name: string) => (groupBy.includes(name) ? result.text(name) : null);
  const isTokens = endpoint.quantityField === null;
  return {
    path: result.path,
    ...dimensionsOf(result, groupBy),
    model: grouped("model"),
    isBatch: groupBy.includes("batch") && result.flagOrNull("batch") === true,
    tier: grouped("service_tier"),
    variant: endpoint.variant.map(grouped).filter(Boolean).join("/") || null,
    requests: endpoint.isRequired ? result.count("num_model_requests") : result.optionalCount("num_model_requests"),
    tokens: isTokens ? countsOf(result, endpoint) : null,
    quantity: endpoint.quantityField === null ? null : result.count(endpoint.quantityField),
  };
}

function countsOf(result: AnswerObject, { hasCache }: UsageEndpoint): CompletionCounts {
  return {
    input: result.count("input_tokens"),
    cached: result.optionalCount("input_cached_tokens"),
    cacheWrite: result.optionalCount("input_cache_write_tokens"),
    uncached: result.optionalCount("input_uncached_tokens"),
    output: hasCache ? result.count("output_tokens") : 0,
    inputAudio: result.optionalCount("input_audio_tokens"),
    inputImage: result.optionalCount("input_image_tokens"),
    cachedAudio: result.optionalCount("input_cached_audio_tokens"),
    cachedImage: result.optionalCount("input_cached_image_tokens"),
    outputAudio: result.optionalCount("output_audio_tokens"),
    outputImage: result.optionalCount("output_image_tokens"),
  };
}

function dimensionsOf(result: AnswerObject, groupBy: readonly string[]): Dimensions {
  return {
    projectId: groupBy.includes("project_id") ? result.text("project_id") : null,
    apiKeyId: groupBy.includes("api_key_id") ? result.text("api_key_id") : null,
  };
}
