import { type Static, Type } from "@sinclair/typebox";

const closed = { additionalProperties: false };
const texts = (pattern?: string) =>
  Type.Array(Type.String(pattern ? { pattern } : { minLength: 1 }), { default: [], uniqueItems: true });

const Credential = Type.Object(
  {
    kind: Type.Union([
      Type.Literal("api_key"),
      Type.Literal("service_account_json"),
      Type.Literal("key_pair"),
      Type.Literal("none"),
    ]),
    /** Regular expression over the trimmed secret; checked without network. */
    shape: Type.Optional(Type.String({ maxLength: 200 })),
    public_prefixes: texts(),
    max_bytes: Type.Integer({ minimum: 0, maximum: 65_536, default: 65_536 }),
  },
  closed,
);

const Service = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    category: Type.String({ minLength: 1 }),
    subcategory: Type.String({ minLength: 1 }),
  },
  closed,
);

const CapabilityWord = Type.Union(
  ["billed_cost", "usage", "names", "activity", "balance", "seats", "import"].map((name) => Type.Literal(name)),
);

/** One provider as `configs/system/providers.yml` states it; the slug is the entry's key. Source: `providers.md` 1.10. */
export const ProviderFacts = Type.Object(
  {
    phase: Type.Union([Type.Literal(1), Type.Literal(2), Type.Literal("later")], { default: 1 }),
    legacy_key: Type.String({ pattern: "^[A-Z][A-Z0-9_]{1,49}$" }),
    aliases: texts("^[a-z][a-z0-9_]{0,49}$"),
    type: Type.Union([Type.Literal("genai"), Type.Literal("cloud"), Type.Literal("saas"), Type.Literal("import")]),
    display_name: Type.String({ minLength: 1, maxLength: 60 }),
    /** ServiceProviderName in FOCUS rows where it is not the display name. */
    provider_name: Type.Optional(Type.String({ minLength: 1, maxLength: 60 })),
    credential: Credential,
    metadata_schema: Type.Record(Type.String(), Type.Unknown(), { default: {} }),
    /** Metadata keys whose change is validated with the provider before it is stored. */
    validated_metadata: texts(),
    base_url: Type.Optional(Type.String({ pattern: "^https://[a-z0-9.-]+$" })),
    allowed_hosts: texts("^[a-z0-9.-]+$"),
    api_version: Type.Optional(Type.String({ minLength: 1 })),
    extra_headers: Type.Record(Type.String({ pattern: "^[a-z0-9-]+$" }), Type.String(), { default: {} }),
    capabilities: Type.Array(CapabilityWord, { uniqueItems: true, minItems: 1 }),
    needed_capabilities: Type.Record(Type.String(), Type.Array(CapabilityWord, { minItems: 1 }), { default: {} }),
    pipelines: texts("^[a-z0-9_]+(/[a-z0-9_]+){1,2}$"),
    rate_limit_per_minute: Type.Integer({ minimum: 1, maximum: 100_000, default: 60 }),
    request_timeout_seconds: Type.Integer({ minimum: 1, maximum: 60, default: 60 }),
    max_pages: Type.Integer({ minimum: 1, maximum: 100_000, default: 10_000 }),
    max_body_mib: Type.Integer({ minimum: 1, maximum: 32, default: 32 }),
    repull_days: Type.Integer({ minimum: 1, maximum: 45 }),
    restate_previous_month_until_day: Type.Integer({ minimum: 0, maximum: 28 }),
    expected_lag_days: Type.Integer({ minimum: 0, maximum: 7 }),
    settling_days: Type.Integer({ minimum: 0, maximum: 45 }),
    billed_truth: Type.Union([Type.Literal("billed"), Type.Literal("computed"), Type.Literal("none")]),
    unit: Type.Union([Type.Literal("major"), Type.Literal("cents")]),
    currency_default: Type.String({ pattern: "^[A-Z]{3}$" }),
    covers_saas: texts(),
    service: Service,
    least_privilege: texts(),
    docs_url: Type.Optional(Type.String({ pattern: "^https://" })),
  },
  closed,
);

export type ProviderFacts = Static<typeof ProviderFacts>;
export type ProviderEntry = Readonly<ProviderFacts & { slug: string }>;
