/** Why a priced line is an estimate. Source: `prices-and-plans.md` A3. */
export const assumptions = [
  "inherited_book",
  "price_not_verified_for_day",
  "cached_discount_pct",
  "cached_input_as_input",
  "cache_write_rule",
  "cache_write_as_input",
  "cache_write_1h_as_5m",
  "batch_discount_pct",
  "batch_half_price",
  "long_context_rate_missing",
  "context_unknown",
  "cache_split_unknown",
] as const;
export type Assumption = (typeof assumptions)[number];
