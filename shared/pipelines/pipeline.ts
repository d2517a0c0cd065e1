import { type Static, Type } from "@sinclair/typebox";
import type { Expectation } from "#shared/quality/expectation.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import { ParameterDefinition } from "./parameter-definition.ts";

/** How far a pipeline reaches back that does not say so. */
export const defaultHistoryDays = 366;

/** The one format of a pipeline's configuration (`pipelines.md` 1). Other fields are refused. */
const word = Type.String({ pattern: "^[a-z][a-z0-9_]{0,49}$" });
const address = Type.String({ pattern: "^[a-z0-9_]+(/[a-z0-9_]+){0,3}$", maxLength: 200 });
const optional = Type.Optional;

const Step = strictObject({
  id: Type.String({ pattern: "^[a-z][a-z0-9_]{0,39}$" }),
  name: optional(Type.String({ maxLength: 80 })),
  processor: Type.String({ pattern: "^[a-z_]+\\.[a-z_]+$" }),
  depends_on: optional(Type.Array(word)),
  enabled: Type.Boolean({ default: true }),
  timeout_seconds: Type.Integer({ minimum: 5, maximum: 3600, default: 300 }),
  retry: strictObject(
    {
      max_attempts: Type.Integer({ minimum: 1, maximum: 10, default: 3 }),
      backoff_seconds: Type.Integer({ minimum: 1, maximum: 600, default: 30 }),
    },
    { default: {} },
  ),
  on_failure: choice(["stop", "continue"], { default: "stop" }),
  config: Type.Record(Type.String(), Type.Unknown(), { default: {} }),
});
export type Step = Static<typeof Step>;

const Schedule = strictObject({
  cron: Type.String({ maxLength: 100 }),
  timezone: optional(Type.String({ maxLength: 60 })),
  jitter_seconds: optional(Type.Integer({ minimum: 0, maximum: 3600 })),
  priority: optional(Type.Integer({ minimum: 1, maximum: 10 })),
});

export const PipelineConfig = strictObject({
  id: Type.String({ pattern: "^[a-z0-9]+(-[a-z0-9]+)*$", maxLength: 60 }),
  name: Type.String({ minLength: 3, maxLength: 80 }),
  description: Type.String({ minLength: 10, maxLength: 500 }),
  provider: word,
  domain: Type.Union([word, Type.Literal("")]),
  version: Type.String({ pattern: "^\\d+\\.\\d+\\.\\d+$" }),
  category: choice(["cloud", "genai", "saas", "platform"]),
  scope: choice(["org", "platform"], { default: "org" }),
  aliases: Type.Array(address, { maxItems: 10, default: [] }),
  enabled: Type.Boolean({ default: true }),
  counts_toward_quota: Type.Boolean({ default: true }),
  schedule: nullable(Schedule),
  run_after: Type.Array(Type.String({ maxLength: 60 }), { maxItems: 5, default: [] }),
  window: optional(
    strictObject({
      lag_days: optional(Type.Integer({ minimum: 0, maximum: 7 })),
      catch_up_days: optional(Type.Integer({ minimum: 1, maximum: 45 })),
      settle_through_day: optional(Type.Integer({ minimum: 0, maximum: 28 })),
      history_days: optional(Type.Integer({ minimum: 1, maximum: 3660 })),
      partial_today: optional(Type.Boolean()),
    }),
  ),
  requires: strictObject(
    {
      integration: optional(nullable(word)),
      metadata: optional(Type.Array(Type.String())),
      saas_plans: optional(Type.Boolean()),
    },
    { default: {} },
  ),
  timeout_seconds: Type.Integer({ minimum: 60, maximum: 21_600, default: 1800 }),
  limits: strictObject(
    {
      max_rows: Type.Integer({ minimum: 1, maximum: 50_000_000, default: 5_000_000 }),
      max_bytes: Type.Integer({ minimum: 1, maximum: 8_589_934_592, default: 2_147_483_648 }),
    },
    { default: {} },
  ),
  parameters: Type.Record(word, ParameterDefinition, { maxProperties: 10, default: {} }),
  /** Tables of an organization's dataset; a pipeline of the platform writes documents of the platform instead. */
  outputs: Type.Array(strictObject({ table: Type.String({ pattern: "^[a-z0-9_]+$" }), required: Type.Boolean() }), {
    maxItems: 10,
    default: [],
  }),
  /** Each is checked by the schema of its kind. */
  expectations: Type.Array(Type.Unsafe<Expectation>(Type.Object({ kind: Type.String() })), {
    maxItems: 30,
    default: [],
  }),
  steps: Type.Array(Step, { minItems: 1, maxItems: 20 }),
  notifications: optional(
    Type.Record(
      choice(["on_failure", "on_success", "on_quarantine"]),
      Type.Array(choice(["email", "slack", "webhook"])),
    ),
  ),
});
export type PipelineConfig = Static<typeof PipelineConfig>;

/** A validated configuration with what is derived from it. */
export interface Pipeline {
  config: PipelineConfig;
  /** `provider/domain/pipeline`, or `provider/pipeline` with an empty domain. */
  address: string;
  /** Last word of the address. */
  word: string;
  /** First 16 hex of the SHA-256 of the configuration. */
  digest: string;
  window: Window;
}

/** Which days a run covers when nobody says (`pipelines.md` 3). */
export interface Window {
  lagDays: number;
  catchUpDays: number;
  settleThroughDay: number;
  historyDays: number;
}
