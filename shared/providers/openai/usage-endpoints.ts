/** One usage endpoint of the Admin API: what it can be grouped by (never by person) and which meter it fills. */
export interface UsageEndpoint {
  /** The last part of the path, and the operation of its rows. */
  name: string;
  groupBy: readonly string[];
  meter: string;
  unit: string;
  /** The field that holds the quantity; null for token vectors. */
  quantityField: string | null;
  /** Dimensions that become the row's variant, in this order. */
  variant: readonly string[];
  /** A required endpoint that fails ends the step; of another one a 404 is a warning. */
  isRequired: boolean;
  /** Whether cached and uncached input can be told apart at all. */
  hasCache: boolean;
}

const byModel = ["project_id", "api_key_id", "model"];

function endpoint(name: string, facts: Partial<UsageEndpoint>): UsageEndpoint {
  return {
    name,
    groupBy: byModel,
    meter: "tokens",
    unit: "tokens",
    quantityField: null,
    variant: [],
    isRequired: false,
    hasCache: false,
    ...facts,
  };
}

/** Source: the provider's OpenAPI document; `provider-adapters.md` 3.1. */
export const usageEndpoints: readonly UsageEndpoint[] = [
  endpoint("completions", { groupBy: [...byModel, "batch", "service_tier"], isRequired: true, hasCache: true }),
  endpoint("embeddings", {}),
  endpoint("moderations", {}),
  endpoint("images", {
    groupBy: [...byModel, "size", "source"],
    meter: "images",
    unit: "images",
    quantityField: "images",
    variant: ["size", "source"],
  }),
  endpoint("audio_speeches", { meter: "characters", unit: "characters", quantityField: "characters" }),
  endpoint("audio_transcriptions", { meter: "seconds", unit: "seconds", quantityField: "seconds" }),
  endpoint("web_search_calls", {
    groupBy: [...byModel, "context_level"],
    meter: "web_search_calls",
    unit: "requests",
    quantityField: "num_requests",
    variant: ["context_level"],
  }),
  endpoint("file_search_calls", {
    groupBy: ["project_id", "api_key_id", "vector_store_id"],
    meter: "file_search_calls",
    unit: "requests",
    quantityField: "num_requests",
  }),
  endpoint("code_interpreter_sessions", {
    groupBy: ["project_id"],
    meter: "code_sessions",
    unit: "sessions",
    quantityField: "num_sessions",
  }),
  endpoint("vector_stores", {
    groupBy: ["project_id"],
    meter: "storage_bytes",
    unit: "bytes",
    quantityField: "usage_bytes",
  }),
];
