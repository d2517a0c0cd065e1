import type { DimensionsOf } from "../group.ts";

/** What `usage_report/messages` can group by. */
export type UsageDimension =
  | "api_key_id"
  | "workspace_id"
  | "model"
  | "service_tier"
  | "context_window"
  | "inference_geo"
  | "speed"
  | "account_id"
  | "service_account_id";

/** `workspace_id` and `description` can be grouped by; the others come with the description. */
export type CostDimension =
  | "workspace_id"
  | "description"
  | "cost_type"
  | "model"
  | "token_type"
  | "service_tier"
  | "context_window"
  | "inference_geo";

/** Use of one model by one key at one tier, context band and place on one UTC day. */
export interface UsageRow {
  readonly dimensions: DimensionsOf<UsageDimension>;
  /** The five disjoint token counts (names of `tokenTypes`) and `web_search_requests`. */
  readonly counts: Readonly<Record<string, bigint>>;
}

/** One charge of one UTC day. */
export interface CostRow {
  readonly dimensions: DimensionsOf<CostDimension> & { readonly description: string };
  /** 10^-12 USD. */
  readonly amount: bigint;
  /** Why it differs from usage x list price (names of providers.md 4.2); null when it does not. */
  readonly cause: string | null;
}

export interface DayRows {
  readonly usage: UsageRow[];
  readonly costs: CostRow[];
}

interface TokenType {
  /** In `UsageRow.counts`. */
  readonly count: string;
  /** In the cost report. */
  readonly name: string;
  readonly price: "input" | "cache_read" | "write_5m" | "write_1h" | "output";
  /** End of its descriptions. */
  readonly label: string;
}

export const tokenTypes: readonly TokenType[] = [
  { count: "uncached_input_tokens", name: "uncached_input_tokens", price: "input", label: "Input Tokens" },
  {
    count: "cache_read_input_tokens",
    name: "cache_read_input_tokens",
    price: "cache_read",
    label: "Cache Read Tokens",
  },
  {
    count: "ephemeral_5m_input_tokens",
    name: "cache_creation.ephemeral_5m_input_tokens",
    price: "write_5m",
    label: "Cache Write Tokens (5m)",
  },
  {
    count: "ephemeral_1h_input_tokens",
    name: "cache_creation.ephemeral_1h_input_tokens",
    price: "write_1h",
    label: "Cache Write Tokens (1h)",
  },
  { count: "output_tokens", name: "output_tokens", price: "output", label: "Output Tokens" },
];

export const webSearches = "web_search_requests";
