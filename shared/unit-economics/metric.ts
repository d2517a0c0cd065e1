import { type Static, Type } from "@sinclair/typebox";
import { choice, nullable, plainText, strictObject } from "#shared/runtime/schema.ts";

const optional = Type.Optional;
const words = (items: number) => optional(Type.Array(plainText(1, 256), { minItems: 1, maxItems: items }));

export const metricKinds = ["count", "money"] as const;
export const aggregations = ["sum", "average", "last"] as const;

/** Whose cost a metric divides: conditions of a cost read, all of which hold; absent: all. */
const CostScope = strictObject({
  providers: words(50),
  service_categories: words(50),
  hierarchy_entity_ids: optional(
    Type.Array(Type.String({ pattern: "^[A-Za-z0-9_-]{1,50}$" }), { minItems: 1, maxItems: 50 }),
  ),
  tags: optional(
    Type.Array(strictObject({ key: plainText(1, 128), value: optional(plainText(1, 256)) }), {
      minItems: 1,
      maxItems: 20,
      description: "Without a value: the tag is there",
    }),
  ),
});
export type CostScope = Static<typeof CostScope>;

const describing = {
  display_name: plainText(1, 200),
  unit_name: plainText(1, 50),
  kind: choice(metricKinds),
  currency: nullable(Type.String({ pattern: "^[A-Za-z]{3}$" })),
  aggregation: choice(aggregations),
  dimension: plainText(1, 50, { description: "none, customer, feature, entity, or another word" }),
  cost_scope: CostScope,
  cost: choice(["effective", "billed"]),
  description: nullable(plainText(0, 500)),
  is_active: Type.Boolean(),
};

export const MetricRequest = strictObject({
  metric: Type.String({ pattern: "^[a-z][a-z0-9_]{1,49}$" }),
  display_name: describing.display_name,
  unit_name: describing.unit_name,
  kind: optional(describing.kind),
  currency: optional(describing.currency),
  aggregation: optional(describing.aggregation),
  dimension: optional(describing.dimension),
  cost_scope: optional(describing.cost_scope),
  cost: optional(describing.cost),
  description: optional(describing.description),
  is_active: optional(describing.is_active),
});
export type MetricRequest = Static<typeof MetricRequest>;

export const MetricUpdate = strictObject({
  display_name: optional(describing.display_name),
  unit_name: optional(describing.unit_name),
  kind: optional(describing.kind),
  currency: optional(describing.currency),
  aggregation: optional(describing.aggregation),
  dimension: optional(describing.dimension),
  cost_scope: optional(describing.cost_scope),
  cost: optional(describing.cost),
  description: optional(describing.description),
  is_active: optional(describing.is_active),
  expected_version: optional(Type.Integer({ minimum: 1 })),
});
export type MetricUpdate = Static<typeof MetricUpdate>;

/** Document `orgs/{key}/unitMetrics/{metric}`. */
export interface MetricDocument {
  metric: string;
  displayName: string;
  unitName: string;
  kind: (typeof metricKinds)[number];
  /** Of a metric of kind money; else null. */
  currency: string | null;
  aggregation: (typeof aggregations)[number];
  dimension: string;
  costScope: CostScope;
  cost: "effective" | "billed";
  description: string | null;
  isActive: boolean;
  /** RFC 3339; a deleted metric is hidden, its values are kept for a while. */
  deletedAt: string | null;
  /** Grows when values of a deleted metric are given up: days of an older series are none of this metric. */
  series: number;
  /** Grows by one with every transaction that changes values. */
  valuesVersion: number;
  /** By month `yyyy-mm`: its days that have values, the first as the lowest bit. */
  days: Record<string, number>;
  createdBy: string;
  updatedBy: string;
}

export const MetricAnswer = strictObject({
  metric: Type.String(),
  ...describing,
  first_day: nullable(Type.String()),
  last_day: nullable(Type.String()),
  missing_days_30d: Type.Integer({ description: "Of the 30 UTC days before today, those without a value" }),
  version: Type.Integer(),
  created_at: Type.String(),
  created_by: Type.String(),
  updated_at: Type.String(),
  updated_by: Type.String(),
});
export type MetricAnswer = Static<typeof MetricAnswer>;

export const MetricList = strictObject({
  org_slug: Type.String(),
  metrics: Type.Array(MetricAnswer),
  total: Type.Integer(),
});
export type MetricList = Static<typeof MetricList>;

/** `today` is the UTC day of the clock; instants are those of the document. */
export function metricAnswer(
  body: MetricDocument,
  at: { version: number; createdAt: string; updatedAt: string; today: string },
): MetricAnswer {
  const days = daysOf(body);
  const recent = new Set(days);
  const missing = daysUpTo(at.today, 30).filter((day) => !recent.has(day)).length;
  return {
    metric: body.metric,
    display_name: body.displayName,
    unit_name: body.unitName,
    kind: body.kind,
    currency: body.currency,
    aggregation: body.aggregation,
    dimension: body.dimension,
    cost_scope: body.costScope,
    cost: body.cost,
    description: body.description,
    is_active: body.isActive,
    first_day: days[0] ?? null,
    last_day: days.at(-1) ?? null,
    missing_days_30d: missing,
    version: at.version,
    created_at: at.createdAt,
    created_by: body.createdBy,
    updated_at: at.updatedAt,
    updated_by: body.updatedBy,
  };
}

const dayMilliseconds = 86_400_000;

/** The UTC days before this one. */
function daysUpTo(today: string, count: number): string[] {
  const at = Date.parse(`${today}T00:00:00Z`);
  return Array.from({ length: count }, (_, back) =>
    new Date(at - (count - back) * dayMilliseconds).toISOString().slice(0, 10),
  );
}

/** The days that have values, in order. */
export function daysOf({ days }: Pick<MetricDocument, "days">): string[] {
  return Object.entries(days)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([month, bits]) =>
      Array.from({ length: 31 }, (_, at) => at)
        .filter((at) => (bits & (1 << at)) !== 0)
        .map((at) => `${month}-${String(at + 1).padStart(2, "0")}`),
    );
}

/** The same days with or without one more. */
export function withDay(days: MetricDocument["days"], day: string, hasValues: boolean): MetricDocument["days"] {
  const [month, bit] = [day.slice(0, 7), 1 << (Number(day.slice(8)) - 1)];
  const before = days[month] ?? 0;
  const bits = hasValues ? before | bit : before & ~bit;
  const { [month]: _former, ...others } = days;
  return bits === 0 ? others : { ...others, [month]: bits };
}
