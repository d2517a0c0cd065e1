import { type Static, Type } from "@sinclair/typebox";
import { FxShown } from "#shared/money/fx-answer.ts";
import { nullable, strictObject } from "#shared/runtime/schema.ts";
import { categories } from "./filters.ts";
import { bases } from "./sums.ts";

const Day = Type.String({ pattern: "^\\d{4}-\\d{2}-\\d{2}$" });
const Currency = Type.String({ pattern: "^[A-Z]{3}$" });
const Count = Type.Integer({ minimum: 0 });
const Money = Type.String({
  pattern: "^-?\\d+(\\.\\d+)?$",
  description: "Exact decimal text in the answer's currency",
});
const Percentage = nullable(Type.Number({ description: "Two decimals; null when the total is 0" }));
const oneOf = <T extends string>(values: readonly T[]) => Type.Unsafe<T>(Type.String({ enum: values }));

const sums = {
  total_cost: Money,
  billed_cost: Money,
  effective_cost: Money,
  list_cost: Money,
  contracted_cost: Money,
  savings: Money,
  credits: Money,
  record_count: Count,
};
const group = { ...sums, percentage: Percentage };
const providerGroup = { provider: Type.String(), provider_name: Type.String(), ...group };
const NativeTotals = strictObject({
  currency: Type.String(),
  billed_cost: Money,
  effective_cost: Money,
  list_cost: Money,
  contracted_cost: Money,
  record_count: Count,
});
const Filters = strictObject({
  providers: Type.Optional(Type.Array(Type.String())),
  categories: Type.Optional(Type.Array(Type.String())),
  services: Type.Optional(Type.Array(Type.String())),
  charge_categories: Type.Optional(Type.Array(Type.String())),
  hierarchy_entity_id: Type.Optional(Type.Array(Type.String())),
});

const SourceCompleteness = strictObject({
  pipeline: Type.String(),
  source: Type.String(),
  provider: nullable(Type.String()),
  state: oneOf(["current", "late"]),
  last_published_day: Day,
  expected_lag_days: Count,
  expected_through: Day,
  missing_days: Type.Array(strictObject({ from: Day, to: Day })),
  missing_day_count: Count,
});

const Quantity = Type.String({ pattern: "^-?\\d+(\\.\\d+)?$", description: "Exact decimal text" });
const Unpriced = strictObject({
  rows: Count,
  tokens: Quantity,
  requests: Count,
  items: Type.Array(
    strictObject({
      provider: Type.String(),
      model: nullable(Type.String()),
      meter: Type.String(),
      days: Count,
      quantity: Quantity,
    }),
  ),
});

const Completeness = strictObject({
  status: oneOf(["no_sources", "partial", "settling", "complete"]),
  published_through: nullable(Day),
  complete_through: nullable(Day),
  ignored_sources: Type.Array(strictObject({ pipeline: Type.String(), source: Type.String() })),
  sources: Type.Array(SourceCompleteness),
  unpriced: Unpriced,
  unconverted: Type.Array(
    strictObject({ currency: Type.String(), billed_cost: Money, effective_cost: Money, days: Count }),
  ),
});

/** What a summary says whether or not amounts are converted. */
const sharedProperties = {
  org_slug: Type.String(),
  basis: oneOf(bases),
  date_range: strictObject({
    start_date: Day,
    end_date: Day,
    start: Day,
    end: Day,
    days: Count,
    label: Type.String(),
    time_zone: Type.Literal("UTC"),
  }),
  filters: Filters,
  unknown_filters: Filters,
  record_count: Count,
  providers: Type.Array(Type.String()),
  service_categories: Type.Array(Type.String()),
  ledger_versions: Type.Record(Type.String({ pattern: "^\\d{4}-\\d{2}$" }), Count),
  as_of: nullable(Type.String({ format: "date-time", description: "The instant of the past that was asked for" })),
  totals_by_currency: Type.Array(NativeTotals),
  complete: Type.Boolean(),
  completeness: Completeness,
  contains_simulated: Type.Boolean(),
  cache_hit: Type.Boolean(),
  query_time_ms: Count,
};

/** Answer of `cost-summary`. Source: costs.md 4 and 5.1. */
export const CostSummary = strictObject({
  ...sharedProperties,
  currency: Currency,
  total_cost: Money,
  total_billed_cost: Money,
  total_effective_cost: Money,
  total_list_cost: Money,
  total_contracted_cost: Money,
  total_savings: Money,
  savings_negotiated: Money,
  savings_commitment: Money,
  total_credits: Money,
  total_tax: Money,
  total_adjustments: Money,
  breakdown_by_provider: Type.Array(
    strictObject({ ...providerGroup, members: Type.Optional(Type.Array(strictObject(providerGroup))) }),
  ),
  breakdown_by_category: Type.Array(strictObject({ category: oneOf(categories), ...group })),
  breakdown_by_charge_category: Type.Array(strictObject({ charge_category: Type.String(), ...group })),
  daily_trend: Type.Array(
    strictObject({
      date: Day,
      total_cost: Money,
      billed_cost: Money,
      effective_cost: Money,
      state: oneOf(["complete", "partial", "empty", "missing"]),
    }),
  ),
  top_services: Type.Array(
    strictObject({ provider: Type.String(), provider_name: Type.String(), service: Type.String(), ...group }),
  ),
  top_services_remainder: nullable(strictObject({ group_count: Count, ...sums })),
  fx: FxShown,
});

export type CostSummary = Static<typeof CostSummary>;

const byCurrency = Type.Array(strictObject({ currency: Type.String(), ...sums }), {
  description: "Sums in each currency of the rows, by code",
});
const nativeGroup = { by_currency: byCurrency, record_count: Count };
const nativeProvider = { provider: Type.String(), provider_name: Type.String(), ...nativeGroup };

/** Answer of `cost-summary` with `convert=none`: sums never cross currencies, so there is no grand total. Source: costs.md 2. */
export const NativeSummary = strictObject({
  ...sharedProperties,
  currency: Type.Null(),
  fx: Type.Array(Type.Never(), { maxItems: 0 }),
  breakdown_by_provider: Type.Array(
    strictObject({ ...nativeProvider, members: Type.Optional(Type.Array(strictObject(nativeProvider))) }),
  ),
  breakdown_by_category: Type.Array(strictObject({ category: oneOf(categories), ...nativeGroup })),
  breakdown_by_charge_category: Type.Array(strictObject({ charge_category: Type.String(), ...nativeGroup })),
  daily_trend: Type.Array(
    strictObject({
      date: Day,
      by_currency: byCurrency,
      state: CostSummary.properties.daily_trend.items.properties.state,
    }),
  ),
  top_services: Type.Array(
    strictObject({ provider: Type.String(), provider_name: Type.String(), service: Type.String(), ...nativeGroup }),
  ),
  top_services_remainder: nullable(strictObject({ group_count: Count, ...nativeGroup })),
});

export type NativeSummary = Static<typeof NativeSummary>;
