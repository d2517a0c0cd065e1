import { type Static, type TProperties, Type } from "@sinclair/typebox";
import { choice, strictObject } from "#shared/runtime/schema.ts";

/** Expectations as a pipeline's file writes them (`pipelines.md` 9). Amounts and percentages are decimal text, never numbers. */
const id = Type.String({ pattern: "^[a-z][a-z0-9_]{0,39}$" });
const name = Type.String({ pattern: "^[A-Za-z_][A-Za-z0-9_]{0,99}$" });
const amount = Type.String({ pattern: "^\\d{1,15}(\\.\\d{1,12})?$" });
const names = Type.Array(name, { minItems: 1, maxItems: 20 });
const count = Type.Integer({ minimum: 0 });

const common = {
  id,
  table: name,
  severity: choice(["error", "warn"]),
  per: choice(["day", "run"], { default: "day" }),
  description: Type.Optional(Type.String({ maxLength: 200 })),
};

function expectation<const K extends string, P extends TProperties>(kind: K, fields: P) {
  return strictObject({ ...common, kind: Type.Literal(kind), ...fields });
}

/** By kind. */
export const expectationSchemas = {
  row_count_between: expectation("row_count_between", { min: Type.Optional(count), max: Type.Optional(count) }),
  not_null: expectation("not_null", { columns: names }),
  unique_key: expectation("unique_key", { columns: names }),
  values_in_set: expectation("values_in_set", {
    column: name,
    values: Type.Array(Type.String({ maxLength: 200 }), { minItems: 1, maxItems: 200 }),
  }),
  sum_close_to: expectation("sum_close_to", {
    column: name,
    /** A column, or `table.column`. */
    reference: Type.String({ pattern: "^[A-Za-z_][A-Za-z0-9_]*(\\.[A-Za-z_][A-Za-z0-9_]*)?$", maxLength: 200 }),
    group_by: Type.Array(name, { maxItems: 5, default: [] }),
    tolerance_abs: Type.String({ ...amount, default: "0" }),
    tolerance_pct: Type.String({ ...amount, default: "0" }),
  }),
  currency_known: expectation("currency_known", { column: name }),
  no_future_dates: expectation("no_future_dates", {
    column: Type.String({ ...name, default: "ChargePeriodStart" }),
    grace_hours: Type.Integer({ minimum: 0, maximum: 48, default: 24 }),
  }),
  total_change_within: expectation("total_change_within", {
    column: choice(["BilledCost", "EffectiveCost"]),
    baseline: choice(["previous_publication", "trailing_median"]),
    days: Type.Integer({ minimum: 7, maximum: 60, default: 14 }),
    max_pct: amount,
    min_abs: Type.String({ ...amount, default: "0" }),
  }),
  unit_sanity: expectation("unit_sanity", {
    reported: name,
    computed: name,
    max_ratio: amount,
    min_abs: Type.String({ ...amount, default: "0" }),
  }),
} as const;

type Schemas = typeof expectationSchemas;
export type ExpectationKind = keyof Schemas;
export type ExpectationOf<K extends ExpectationKind> = Static<Schemas[K]>;
export type Expectation = { [K in ExpectationKind]: ExpectationOf<K> }[ExpectationKind];

export function isExpectationKind(kind: unknown): kind is ExpectationKind {
  return typeof kind === "string" && Object.hasOwn(expectationSchemas, kind);
}

/** What an expectation of a table found wrong, for one day of one source or for the whole run. */
export interface Failure {
  expectation: string;
  kind: string;
  severity: "error" | "warn";
  table: string;
  /** Null: all of the run's. */
  source: string | null;
  /** UTC day; null: all of the run's. */
  day: string | null;
  observed: string;
  bound: string;
  /** Keys of up to five rows or groups. */
  offending: string[];
  /** Of a unit-sanity check: reported / computed, 6 digits. */
  ratio?: string;
}
