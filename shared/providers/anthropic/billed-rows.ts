import { parseAmount } from "#shared/money/amount.ts";
import { billedCurrency, type StatedCharge, summedBilledRows, unstatedColumns } from "../billed-sums.ts";
import type { Findings } from "../findings.ts";
import { type BilledRow, billedRowId } from "../raw-rows.ts";
import type { ProviderEntry } from "../registry-schema.ts";
import { serviceTier } from "../service-tier.ts";
import { instantOfSeconds } from "../utc-days.ts";
import type { Names } from "./names.ts";
import type { CostResult } from "./schema.ts";

/** One UTC day of the cost report. */
export interface CostDay {
  day: string;
  startSeconds: number;
  endSeconds: number;
  results: readonly CostResult[];
}

export interface BilledFacts {
  provider: ProviderEntry;
  accountId: string;
  names: Names;
}

/** Source of both lists: `provider-adapters.md` 3.2. */
const costTypes: Readonly<Record<string, string>> = {
  tokens: "tokens",
  web_search: "tool",
  code_execution: "session",
  session_usage: "session",
};
const tokenTypes: Readonly<Record<string, string>> = {
  uncached_input_tokens: "uncached_input",
  cache_read_input_tokens: "cache_read",
  "cache_creation.ephemeral_5m_input_tokens": "cache_write_5m",
  "cache_creation.ephemeral_1h_input_tokens": "cache_write_1h",
  output_tokens: "output",
};

/**
 * Rows of `genai_billed_daily_raw` in major units: one per coordinates, sorted by id; results with equal coordinates are
 * summed exactly and rounded once. Kinds of cost that are not known keep their money. Throws `PROVIDER_SCHEMA_DRIFT` and
 * as `summedBilledRows`.
 */
export function billedRows(days: readonly CostDay[], facts: BilledFacts, found: Findings): BilledRow[] {
  return summedBilledRows(days.flatMap((day) => day.results.map((result) => chargeOf(result, day, facts, found))));
}

function chargeOf(result: CostResult, day: CostDay, facts: BilledFacts, found: Findings): StatedCharge {
  const literal = parseAmount(result.cents);
  const key = {
    provider: facts.provider.slug,
    account_id: facts.accountId,
    usage_date: day.day,
    ...kindOf(result, literal.isNegative() && !literal.isZero(), found),
    model: result.model,
    project_id: result.workspaceId,
    api_key_id: null,
    user_ref: null,
    context_window: result.contextWindow,
    inference_geo: result.geo,
  };
  const currency = { text: result.currency, path: `${result.path}.currency`, field: "currency" };
  const row = {
    ...key,
    ...unstatedColumns,
    project_name: (result.workspaceId && facts.names.workspaces.get(result.workspaceId)) || null,
    api_key_name: null,
    currency: billedCurrency(currency, facts.provider, found),
    provider_amount: result.cents,
    provider_unit: "cents" as const,
    description: result.description,
    bucket_start: instantOfSeconds(day.startSeconds),
    bucket_end: instantOfSeconds(day.endSeconds),
    x_source_record_id: billedRowId(key),
  };
  return { row, literal, quantity: null };
}

type Kind = Pick<BilledRow, "line_item" | "cost_type" | "charge_category" | "token_type" | "service_tier">;

/** What is charged; a kind or a token type that we do not know is a finding, and `other` or null. */
function kindOf(result: CostResult, isCredit: boolean, found: Findings): Kind {
  const line_item = result.description ?? "unspecified";
  const isTokens = result.costType === "tokens";
  const costType = known(costTypes, result.costType);
  const tokenType = isTokens ? known(tokenTypes, result.tokenType) : null;
  if (!isCredit && (costType === null || (isTokens && tokenType === null)))
    found.add("unknown_line_item", line_item, `${result.costType} ${result.tokenType}`);
  return {
    line_item,
    cost_type: isCredit ? "credit" : (costType ?? "other"),
    charge_category: isCredit ? "Credit" : "Usage",
    token_type: tokenType,
    service_tier: isTokens || result.tier !== null ? serviceTier(result.tier, "service_tier", found) : null,
  };
}

function known(words: Readonly<Record<string, string>>, name: string | null): string | null {
  return name !== null && Object.hasOwn(words, name) ? (words[name] ?? null) : null;
}
