import type { Dimension } from "./rows.ts";

type Counts = Readonly<Record<string, bigint>>;

/** One of the usage endpoints of reference/openai.md. */
export interface UsageEndpoint {
  /** Last segment of the path; also the `endpoint` of its rows. */
  readonly name: string;
  /** `object` of its results. */
  readonly object: string;
  readonly groupBy: readonly Dimension[];
  /** Query parameter -> dimension it restricts. */
  readonly filters: Readonly<Record<string, Dimension>>;
  /** The metric that no client can do without. */
  readonly mainMetric: string;
  /** All metric fields of a result, from summed counts. */
  fields(counts: Counts): Record<string, bigint>;
}

const byOwner = ["project_id", "user_id", "api_key_id"] as const;
const ownerFilters = { project_ids: "project_id", user_ids: "user_id", api_key_ids: "api_key_id" } as const;
const byModel = [...byOwner, "model"] as const;
const modelFilters = { ...ownerFilters, models: "model" } as const;
const asStored = (counts: Counts) => ({ ...counts });

export const usageEndpoints: readonly UsageEndpoint[] = [
  {
    name: "completions",
    object: "organization.usage.completions.result",
    groupBy: [...byModel, "batch", "service_tier"],
    filters: { ...modelFilters, batch: "batch" },
    mainMetric: "input_tokens",
    fields: completionFields,
  },
  perModel("embeddings", "input_tokens"),
  perModel("moderations", "input_tokens"),
  {
    name: "images",
    object: "organization.usage.images.result",
    groupBy: [...byModel, "size", "source"],
    filters: { ...modelFilters, sources: "source", sizes: "size" },
    mainMetric: "images",
    fields: asStored,
  },
  perModel("audio_speeches", "characters"),
  perModel("audio_transcriptions", "seconds"),
  perProject("vector_stores", "usage_bytes"),
  perProject("code_interpreter_sessions", "num_sessions"),
  {
    name: "file_search_calls",
    object: "organization.usage.file_searches.result",
    groupBy: [...byOwner, "vector_store_id"],
    filters: { ...ownerFilters, vector_store_ids: "vector_store_id" },
    mainMetric: "num_requests",
    fields: asStored,
  },
  {
    name: "web_search_calls",
    object: "organization.usage.web_searches.result",
    groupBy: [...byModel, "context_level"],
    filters: { ...modelFilters, context_levels: "context_level" },
    mainMetric: "num_requests",
    fields: asStored,
  },
];

function perModel(name: string, mainMetric: string): UsageEndpoint {
  const object = `organization.usage.${name}.result`;
  return { name, object, groupBy: byModel, filters: modelFilters, mainMetric, fields: asStored };
}

function perProject(name: string, mainMetric: string): UsageEndpoint {
  const object = `organization.usage.${name}.result`;
  return {
    name,
    object,
    groupBy: ["project_id"],
    filters: { project_ids: "project_id" },
    mainMetric,
    fields: asStored,
  };
}

/** Adds the totals and the text, audio and image parts. Rows of the older shape (no uncached part) are answered as they are. */
function completionFields(counts: Counts): Record<string, bigint> {
  const { input_uncached_tokens: uncached, output_tokens: output = 0n, num_model_requests: requests = 0n } = counts;
  if (uncached === undefined) return { ...counts };
  const { input_cached_tokens: cached = 0n, input_cache_write_tokens: written = 0n } = counts;
  return {
    input_tokens: uncached + cached + written,
    input_cached_tokens: cached,
    input_cache_write_tokens: written,
    input_uncached_tokens: uncached,
    output_tokens: output,
    input_text_tokens: uncached,
    output_text_tokens: output,
    input_cached_text_tokens: cached,
    input_audio_tokens: 0n,
    input_cached_audio_tokens: 0n,
    output_audio_tokens: 0n,
    input_image_tokens: 0n,
    input_cached_image_tokens: 0n,
    output_image_tokens: 0n,
    num_model_requests: requests,
  };
}
