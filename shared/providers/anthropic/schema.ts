import { parseAmount } from "#shared/money/amount.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { type AnswerObject, drift } from "../answer-fields.ts";
import type { Findings } from "../findings.ts";

/** Only the fields that are used; every other one is counted as a finding and ignored. */

/** Where a result belongs; null = the answer is not grouped by it, or the provider names none. */
export interface Dimensions {
  /** `default` where the provider writes null. */
  workspaceId: string | null;
  model: string | null;
  tier: string | null;
  contextWindow: string | null;
  geo: string | null;
}

export interface CostResult extends Dimensions {
  path: string;
  /** The literal, in cents. */
  cents: string;
  currency: string;
  description: string | null;
  costType: string | null;
  tokenType: string | null;
}

export interface UsageResult extends Dimensions {
  path: string;
  apiKeyId: string | null;
  /** Disjoint, as delivered. */
  uncached: number;
  read: number;
  write5m: number;
  write1h: number;
  output: number;
  webSearches: number;
}

export const costGroups = ["workspace_id", "description"];
export const usageGroups = ["workspace_id", "api_key_id", "model", "service_tier", "context_window", "inference_geo"];

const costFields = new Set(
  "amount currency workspace_id description cost_type model token_type service_tier context_window inference_geo".split(
    " ",
  ),
);
const usageFields = new Set([
  ...usageGroups,
  "uncached_input_tokens",
  "cache_read_input_tokens",
  "cache_creation",
  "output_tokens",
  "server_tool_use",
  "account_id",
  "service_account_id",
  "speed",
]);
const writeFields = new Set(["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"]);
const toolFields = new Set(["web_search_requests", "web_fetch_requests"]);

/** A result of the cost report. What it says of a charge comes with the group `description` only. */
export function costResult(result: AnswerObject, groupBy: readonly string[], found: Findings): CostResult {
  result.report(costFields, found);
  const described = (name: string) => (groupBy.includes("description") ? result.text(name) : null);
  return {
    path: result.path,
    workspaceId: workspaceOf(result, groupBy),
    cents: centsOf(result),
    currency: result.requiredText("currency"),
    description: described("description"),
    costType: described("cost_type"),
    tokenType: described("token_type"),
    model: described("model"),
    tier: described("service_tier"),
    contextWindow: described("context_window"),
    geo: described("inference_geo"),
  };
}

/** A result of the messages usage report. */
export function usageResult(result: AnswerObject, groupBy: readonly string[], found: Findings): UsageResult {
  result.report(usageFields, found);
  const written = result.object("cache_creation");
  written.report(writeFields, found);
  const tools = result.object("server_tool_use");
  tools.report(toolFields, found);
  const grouped = (name: string) => (groupBy.includes(name) ? result.text(name) : null);
  return {
    path: result.path,
    workspaceId: workspaceOf(result, groupBy),
    apiKeyId: grouped("api_key_id"),
    model: grouped("model"),
    tier: grouped("service_tier"),
    contextWindow: grouped("context_window"),
    geo: grouped("inference_geo"),
    uncached: result.count("uncached_input_tokens"),
    read: result.count("cache_read_input_tokens"),
    write5m: written.count("ephemeral_5m_input_tokens"),
    write1h: written.count("ephemeral_1h_input_tokens"),
    output: result.count("output_tokens"),
    webSearches: tools.count("web_search_requests"),
  };
}

function workspaceOf(result: AnswerObject, groupBy: readonly string[]): string | null {
  return groupBy.includes("workspace_id") ? (result.text("workspace_id") ?? "default") : null;
}

/** A JSON number here would be another unit or a float: the report writes cents as a text. */
function centsOf(result: AnswerObject): string {
  const text = result.requiredText("amount");
  try {
    parseAmount(text);
    return text;
  } catch (error) {
    if (!isAppError(error, "AMOUNT_INVALID")) throw error;
    throw drift(`${result.path}.amount`, "a decimal text was expected");
  }
}
