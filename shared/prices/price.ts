/** Vocabulary of the price book: what a price version is and what it may name. Source: `prices-and-plans.md` A1, A2. */

export const flows = ["payg", "commitment", "infrastructure"] as const;
export type Flow = (typeof flows)[number];

/** Meters of tokens, disjoint; the rate of each is `<meter>_per_1m`, per million tokens. */
export const tokenMeters = [
  "input",
  "output",
  "cached_input",
  "cache_write_5m",
  "cache_write_1h",
  "reasoning_output",
  "audio_input",
  "cached_audio_input",
  "audio_output",
  "image_input",
  "cached_image_input",
  "image_output",
] as const;
export type TokenMeter = (typeof tokenMeters)[number];
export type RateName = `${TokenMeter}_per_1m`;

export const rateNames = tokenMeters.map((meter): RateName => `${meter}_per_1m`);

/** Usage meters that are priced per unit. */
export const unitMeters = [
  "web_search_calls",
  "file_search_calls",
  "code_sessions",
  "images",
  "seconds",
  "characters",
  "requests",
  "storage_bytes",
  "premium_requests",
  "emails",
  "units",
] as const;
export type UnitMeter = (typeof unitMeters)[number];

export const priceTiers = ["batch", "priority", "flex"] as const;
export type PriceTier = (typeof priceTiers)[number];

/** Decimal text per 1M tokens; null or absent is not priced, never 0. */
export type Rates = Partial<Record<RateName, string | null>>;

/** Rates of a tier, of long requests, or of both. */
export type TierRow = Rates & { service_tier: PriceTier | null; above_input_tokens: number | null };

/** Decimal text for so many units. */
export interface UnitPrice {
  per: number;
  price: string;
}

/** Everything a version says, by the names of A2; decimals as text. What does not belong to its flow is absent. */
export type Terms = Rates & {
  model_name?: string | null;
  model_family?: string | null;
  model_version?: string | null;
  tiers?: TierRow[];
  per_unit?: Partial<Record<UnitMeter, UnitPrice>>;
  volume_discount_pct?: string | null;
  volume_threshold_tokens?: number | null;
  free_tier_input_tokens?: number | null;
  free_tier_output_tokens?: number | null;
  free_tier_reset_frequency?: "daily" | "monthly" | "never" | null;
  cached_discount_pct?: string | null;
  batch_discount_pct?: string | null;
  context_window?: number | null;
  max_output_tokens?: number | null;
  supports_vision?: boolean | null;
  supports_streaming?: boolean | null;
  supports_tools?: boolean | null;
  rate_limit_rpm?: number | null;
  rate_limit_tpm?: number | null;
  sla_uptime_pct?: string | null;
  pricing_type?: string | null;
  discount_reason?: string | null;
  unit_name?: string | null;
  hourly_rate?: string | null;
  monthly_rate?: string | null;
  min_units?: number | null;
  max_units?: number | null;
  commitment_term_months?: number | null;
  tokens_per_unit_minute?: number | null;
  term_discount_pct?: string | null;
  overage_mode?: "hourly" | "payg" | "none" | null;
  overage_hourly_rate?: string | null;
  overage_multiplier?: string | null;
  resource_type?: "gpu" | "tpu" | "cpu" | null;
  gpu_type?: string | null;
  gpu_count?: number | null;
  gpu_memory_gb?: string | null;
  cloud_provider?: string | null;
  spot_discount_pct?: string | null;
  reserved_1yr_discount_pct?: string | null;
  reserved_3yr_discount_pct?: string | null;
  /** Of an override only: on every rate that follows the row. */
  discount_pct?: string | null;
};

/** A source that disagrees with the rate in use by more than 1 %. */
export interface Dissent {
  source: string;
  meter: string;
  value: string;
  in_use: string;
  difference_pct: string;
  as_of: string | null;
}

/** What a price is for. */
export interface PriceKey {
  flow: Flow;
  provider: string;
  /** Model id; of infrastructure the instance type. As it was given, not normalised. */
  modelId: string;
  region: string;
  /** Commitments only. */
  commitmentType: string | null;
}

/** One version of one price. Written once; only the withdrawal is added later. */
export interface PriceVersion extends PriceKey {
  priceId: string;
  scope: "platform" | "org";
  kind: "default" | "custom" | "override";
  currency: string;
  /** First UTC day. */
  effectiveFrom: string;
  /** Last UTC day, only where it was given; a later version of the key ends this one by itself. */
  effectiveTo: string | null;
  terms: Terms;
  notes: string | null;
  source: "community-list" | "vendor-page" | "operator" | "org" | "seed-default";
  sourceRef: string | null;
  /** UTC day the source was read. */
  asOf: string | null;
  confidence: "verified" | "unverified";
  dissent: Dissent[];
  createdAt: string;
  createdBy: string;
  /** Number of the organization's write that made it; null for platform versions. */
  orgVersion: number | null;
  withdrawnAt: string | null;
  withdrawnBy: string | null;
  /** Number of the write that withdrew it: a book of an earlier number still holds it. */
  withdrawnOrgVersion: number | null;
  supersededBy: string | null;
}

/** An alias of a model name, one hop. */
export interface ModelAlias {
  provider: string;
  alias: string;
  modelId: string;
}

/** Factor on every token rate of matching usage. */
export interface Multiplier {
  provider: string;
  model: string;
  dimension: "region" | "speed";
  value: string;
  /** Decimal text. */
  factor: string;
  effectiveFrom: string;
}

/** Provider-wide price of something that no model has. */
export interface ProviderUnitPrice extends UnitPrice {
  priceId: string;
  provider: string;
  meter: UnitMeter;
  currency: string;
  effectiveFrom: string;
  asOf: string;
}

/** Two versions of one key and day never both live. */
export function keyText({ flow, provider, modelId, region, commitmentType }: PriceKey): string {
  return JSON.stringify([flow, provider, modelId, region, commitmentType]);
}
