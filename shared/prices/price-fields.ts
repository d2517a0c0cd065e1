import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { choice, nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import { priceTiers, rateNames, unitMeters } from "./price.ts";

const decimalText = "^\\d{1,26}(\\.\\d{1,12})?$";

/** A decimal of at most 12 decimals, as number or text; checked further in `price-terms.ts`. */
export function decimal(options: Record<string, unknown> = {}) {
  return Type.Union(
    [Type.Number({ minimum: 0 }), Type.String({ pattern: decimalText, maxLength: 40 }), Type.Null()],
    options,
  );
}

const optional = Type.Optional;
const label = () => optional(nullable(plainText(1, 50)));
const count = (maximum: number, minimum = 0) => optional(nullable(Type.Integer({ minimum, maximum })));
const percent = (options: Record<string, unknown> = {}) => optional(decimal({ description: "0 to 100", ...options }));
export const day = (options: Record<string, unknown> = {}) => Type.String({ format: "date", ...options });

const tokenRates = Object.fromEntries(
  rateNames.map((name) => [
    name,
    optional(
      decimal({
        description: "Per 1M tokens; null is not priced",
        ...(name === "cache_write_5m_per_1m" ? { alsoAs: ["cached_write_per_1m"] } : {}),
      }),
    ),
  ]),
) as Record<(typeof rateNames)[number], ReturnType<typeof rateField>>;

function rateField() {
  return optional(decimal());
}

/** Older names for rates per 1,000 tokens. */
export const perThousandNames = {
  input_per_1m: ["price_per_1k_input_tokens", "input_price_per_1k", "base_input_price_per_1k"],
  output_per_1m: ["price_per_1k_output_tokens", "output_price_per_1k", "base_output_price_per_1k"],
  batch_input_per_1m: ["x_openai_batch_input_price"],
  batch_output_per_1m: ["x_openai_batch_output_price"],
} as const;

const perThousand = Object.fromEntries(
  Object.values(perThousandNames)
    .flat()
    .map((name) => [name, rateField()]),
) as Record<(typeof perThousandNames)[keyof typeof perThousandNames][number], ReturnType<typeof rateField>>;

const TierFields = strictObject({
  service_tier: nullable(choice(priceTiers)),
  above_input_tokens: nullable(Type.Integer({ minimum: 1, maximum: 1_000_000_000 })),
  ...tokenRates,
});

const UnitPriceFields = strictObject({
  per: Type.Integer({ minimum: 1, maximum: 1_000_000_000 }),
  price: decimal(),
});

const paygFields = {
  model_name: optional(nullable(plainText(1, 200))),
  model_family: label(),
  model_version: label(),
  ...tokenRates,
  ...perThousand,
  batch_input_per_1m: rateField(),
  batch_output_per_1m: rateField(),
  tiers: optional(Type.Array(TierFields, { maxItems: 12 })),
  per_unit: optional(
    strictObject(
      Object.fromEntries(unitMeters.map((meter) => [meter, optional(UnitPriceFields)])) as Record<
        (typeof unitMeters)[number],
        ReturnType<typeof unitField>
      >,
    ),
  ),
  volume_discount_pct: percent({ alsoAs: ["discount_percentage"] }),
  volume_threshold_tokens: count(1_000_000_000_000),
  free_tier_input_tokens: count(1_000_000_000_000),
  free_tier_output_tokens: count(1_000_000_000_000),
  free_tier_reset_frequency: optional(nullable(choice(["daily", "monthly", "never"]))),
  cached_discount_pct: percent(),
  batch_discount_pct: percent(),
  context_window: count(1_000_000_000),
  max_output_tokens: count(1_000_000_000),
  supports_vision: optional(nullable(Type.Boolean())),
  supports_streaming: optional(nullable(Type.Boolean())),
  supports_tools: optional(nullable(Type.Boolean())),
  rate_limit_rpm: count(1_000_000_000),
  rate_limit_tpm: count(1_000_000_000_000),
  sla_uptime_pct: percent(),
  pricing_type: label(),
  discount_reason: label(),
} satisfies Record<string, TSchema>;

function unitField() {
  return optional(UnitPriceFields);
}

const commitmentFields = {
  commitment_type: optional(choice(["ptu", "gsu", "provisioned_throughput", "custom"])),
  unit_name: label(),
  hourly_rate: optional(decimal({ alsoAs: ["ptu_hourly_rate"] })),
  monthly_rate: optional(decimal({ alsoAs: ["ptu_monthly_rate"] })),
  min_units: count(1_000_000_000, 1),
  max_units: count(1_000_000_000, 1),
  commitment_term_months: count(60, 1),
  tokens_per_unit_minute: count(1_000_000_000_000),
  term_discount_pct: percent(),
  overage_mode: optional(nullable(choice(["hourly", "payg", "none"]))),
  overage_hourly_rate: optional(decimal()),
  overage_multiplier: optional(decimal()),
} satisfies Record<string, TSchema>;

const infrastructureFields = {
  instance_type: optional(plainText(1, 200)),
  resource_type: optional(nullable(choice(["gpu", "tpu", "cpu"]))),
  gpu_type: label(),
  gpu_count: count(1000, 1),
  gpu_memory_gb: optional(decimal()),
  cloud_provider: label(),
  spot_discount_pct: percent(),
  reserved_1yr_discount_pct: percent(),
  reserved_3yr_discount_pct: percent(),
} satisfies Record<string, TSchema>;

const commonFields = {
  model_id: optional(plainText(1, 200, { alsoAs: ["model"] })),
  region: optional(plainText(1, 50)),
  currency: optional(Type.String({ pattern: "^[A-Za-z]{3}$" })),
  effective_from: optional(day({ alsoAs: ["effective_date"] })),
  effective_to: optional(nullable(day({ alsoAs: ["end_date"] }))),
  notes: optional(nullable(plainText(1, 1000))),
  source_ref: optional(nullable(plainText(1, 500))),
} satisfies Record<string, TSchema>;

/** A pay-as-you-go price as a client writes it. */
export const PaygPriceRequest = strictObject({ ...commonFields, ...paygFields });
export type PaygPriceRequest = Static<typeof PaygPriceRequest>;

export const PaygUpdateRequest = strictObject({
  ...commonFields,
  ...paygFields,
  expected_version: optional(
    plainText(1, 100, { description: "price_id of the version in force, or the book's version" }),
  ),
});
export type PaygUpdateRequest = Static<typeof PaygUpdateRequest>;

/** A price of any flow; the provider stands in the body. */
export const FlowPriceRequest = strictObject({
  ...commonFields,
  provider: optional(plainText(1, 50)),
  ...paygFields,
  ...commitmentFields,
  ...infrastructureFields,
});
export type FlowPriceRequest = Static<typeof FlowPriceRequest>;

export const OverrideRequest = strictObject({
  provider: optional(plainText(1, 50)),
  region: optional(plainText(1, 50)),
  ...tokenRates,
  hourly_rate: optional(decimal()),
  monthly_rate: optional(decimal()),
  discount_pct: percent(),
  override_value: optional(decimal({ description: "input_per_1m, or hourly_rate of capacity" })),
  effective_from: optional(day({ alsoAs: ["effective_date"] })),
  effective_to: optional(nullable(day({ alsoAs: ["end_date"] }))),
  notes: optional(nullable(plainText(1, 500))),
  expected_last_updated: optional(nullable(Type.String({ format: "date-time" }))),
});
export type OverrideRequest = Static<typeof OverrideRequest>;

/** Names of a flow's own fields. */
export const fieldsOfFlow: Readonly<Record<"payg" | "commitment" | "infrastructure", readonly string[]>> = {
  payg: Object.keys(paygFields),
  commitment: [...Object.keys(commitmentFields), "volume_discount_pct"],
  infrastructure: [...Object.keys(infrastructureFields), "hourly_rate"],
};

export const commonFieldNames: readonly string[] = [...Object.keys(commonFields), "provider"];
