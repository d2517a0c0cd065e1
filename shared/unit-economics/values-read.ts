import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import type { MetricDocument } from "./metric.ts";
import { metricNamed, valuesBetween } from "./metric-store.ts";

const optional = Type.Optional;
const dayMilliseconds = 86_400_000;
const defaultDays = 30;

export const ValuesQuery = strictObject({
  start_date: optional(Type.String({ format: "date", description: "First UTC day; 29 days before the last" })),
  end_date: optional(Type.String({ format: "date", description: "Last UTC day; today by default" })),
  dimension: optional(plainText(1, 200)),
  limit: Type.Integer({ minimum: 1, maximum: 500, default: 50 }),
  cursor: optional(Type.String({ maxLength: 2000 })),
});
export type ValuesQuery = Static<typeof ValuesQuery>;

export const ValuesList = strictObject({
  org_slug: Type.String(),
  metric: Type.String(),
  values: Type.Array(
    strictObject({
      day: Type.String(),
      dimension: Type.String(),
      quantity: Type.String(),
      revision: nullable(Type.Integer()),
    }),
  ),
  next_cursor: nullable(Type.String()),
});
export type ValuesList = Static<typeof ValuesList>;

/** Stored values by day and dimension value. Throws `METRIC_NOT_FOUND`, `INVALID_DATE_RANGE`, `INVALID_CURSOR`. */
export async function listValues(
  { org, metric, query }: { org: OrgIdentity; metric: string; query: ValuesQuery },
  { documents, clock }: { documents: Documents; clock: { now(): Date } },
): Promise<ValuesList> {
  const { body } = await metricNamed(org, metric, documents);
  const { start, end } = rangeOf(query, clock.now());
  const after = query.cursor === undefined ? undefined : placeOf(query.cursor);
  const dimension = dimensionValue(query.dimension, body);
  const found: ValuesList["values"] = [];
  const range = { start: laterOf(start, after?.[0]), end };
  for await (const { day, values } of valuesBetween(org, body, range, documents)) {
    const chosen = values.filter((value) => dimension === undefined || value.dimension === dimension);
    const rest = chosen.filter((value) => after === undefined || day > after[0] || value.dimension > after[1]);
    for (const value of rest.sort((a, b) => (a.dimension < b.dimension ? -1 : 1))) found.push({ day, ...value });
    if (found.length > query.limit) break;
  }
  const page = found.slice(0, query.limit);
  const last = page.at(-1);
  const next = found.length > query.limit && last !== undefined ? cursorOf(last) : null;
  return { org_slug: org.slug, metric: body.metric, values: page, next_cursor: next };
}

/** As values are stored: an entity is named in any case. */
function dimensionValue(text: string | undefined, { dimension }: MetricDocument): string | undefined {
  if (text === undefined) return undefined;
  return dimension === "entity" ? text.toUpperCase() : text.normalize("NFC");
}

function laterOf(start: string, after: string | undefined): string {
  return after !== undefined && after > start ? after : start;
}

function rangeOf({ start_date, end_date }: ValuesQuery, now: Date): { start: string; end: string } {
  const end = end_date ?? now.toISOString().slice(0, 10);
  const first = new Date(Date.parse(`${end}T00:00:00Z`) - (defaultDays - 1) * dayMilliseconds);
  const start = start_date ?? first.toISOString().slice(0, 10);
  if (start <= end) return { start, end };
  throw new AppError("INVALID_DATE_RANGE", "start_date is after end_date.", {
    fields: [{ path: "/start_date", problem: "is after end_date" }],
  });
}

function cursorOf({ day, dimension }: { day: string; dimension: string }): string {
  return Buffer.from(JSON.stringify([day, dimension])).toString("base64url");
}

function placeOf(cursor: string): [day: string, dimension: string] {
  const parsed = parsedCursor(cursor);
  if (Array.isArray(parsed) && parsed.length === 2 && parsed.every((part) => typeof part === "string"))
    return [String(parsed[0]), String(parsed[1])];
  throw new AppError("INVALID_CURSOR", "The cursor is not one of this list.", {
    fields: [{ path: "/cursor", problem: "is not one of this list" }],
  });
}

function parsedCursor(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch {
    return undefined;
  }
}
