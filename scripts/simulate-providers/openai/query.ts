import { type Position, readCursor } from "../cursor.ts";
import type { Filter } from "../group.ts";
import type { Refusal } from "../refusal.ts";
import { refused } from "./errors.ts";
import type { Dimension } from "./rows.ts";

/** What an endpoint of time buckets takes (reference/openai.md). */
export interface BucketQueryRules {
  readonly groupBy: readonly Dimension[];
  /** Query parameter -> dimension. */
  readonly filters: Readonly<Record<string, Dimension>>;
  /** Bucket width -> default and largest number of buckets on a page. */
  readonly limits: Readonly<Record<string, { readonly usual: number; readonly most: number }>>;
}

export interface BucketQuery {
  /** Unix seconds of the first bucket of the window and of its end (exclusive), both on bucket borders. */
  readonly start: number;
  readonly end: number;
  readonly widthSeconds: number;
  readonly limit: number;
  readonly groupBy: readonly Dimension[];
  readonly filters: readonly Filter<Dimension>[];
  readonly asked: string | undefined;
  readonly position: Position;
  /** What a cursor is bound to: all parameters but page and limit. */
  readonly identity: string;
}

const widths: Readonly<Record<string, number>> = { "1m": 60, "1h": 3600, "1d": 86_400 };
const scalars = ["start_time", "end_time", "bucket_width", "limit", "page"];

/** Reads and checks a query; arrays come bare (`a=1&a=2`) or bracketed (`a[]=1&a[]=2`). Throws a 400 in OpenAI's words. `now` ends an open window. */
export function readBucketQuery(params: URLSearchParams, rules: BucketQueryRules, now: Date): BucketQuery {
  refuseUnknown(params, rules);
  const width = params.get("bucket_width") ?? "1d";
  const limits = rules.limits[width];
  const widthSeconds = widths[width];
  if (limits === undefined || widthSeconds === undefined)
    throw invalid("bucket_width", width, Object.keys(rules.limits));
  const startTime = integer(params, "start_time");
  if (startTime === undefined) {
    throw refused(400, "Missing required parameter: 'start_time'.", {
      param: "start_time",
      code: "missing_required_parameter",
    });
  }
  const endTime = integer(params, "end_time") ?? Math.floor(now.getTime() / 1000) + 1;
  if (params.has("end_time") && endTime <= startTime) {
    throw refused(400, "'end_time' must be after 'start_time'.", { param: "end_time", code: "invalid_value" });
  }
  const start = Math.floor(startTime / widthSeconds) * widthSeconds;
  const identity = identityOf(params);
  const asked = params.get("page") ?? undefined;
  return {
    start,
    end: Math.ceil(endTime / widthSeconds) * widthSeconds,
    widthSeconds,
    limit: readLimit(params, limits),
    groupBy: readGroupBy(params, rules.groupBy),
    filters: readFilters(params, rules.filters),
    asked,
    position: asked === undefined ? { start, skip: 0, hop: 0 } : readPosition(asked, identity),
    identity,
  };
}

/** Values of an array parameter, bare and bracketed together. */
function arrayOf(params: URLSearchParams, name: string): string[] {
  return [...params.getAll(name), ...params.getAll(`${name}[]`)];
}

/** An integer parameter within bounds; undefined when absent. */
export function integer(params: URLSearchParams, name: string): number | undefined {
  const text = params.get(name);
  if (text === null) return undefined;
  if (!/^\d{1,12}$/.test(text)) throw invalid(name, text, ["an integer"]);
  return Number(text);
}

/** The 400 for a value outside an allowed set. */
export function invalid(param: string, value: string, supported: readonly string[]): Refusal {
  const message = `Invalid value: '${value}'. Supported values are: ${supported.map((one) => `'${one}'`).join(", ")}.`;
  return refused(400, message, { param, code: "invalid_value" });
}

/** A page size from 1 to `most`. */
export function readLimit(params: URLSearchParams, { usual, most }: { usual: number; most: number }): number {
  const limit = integer(params, "limit") ?? usual;
  if (limit < 1 || limit > most) throw invalid("limit", String(limit), [`1 to ${most}`]);
  return limit;
}

/** Throws a 400 for a cursor that this API did not give out for this query. */
function readPosition(cursor: string, identity: string): Position {
  const position = readCursor(cursor, identity);
  if (position === undefined) throw refused(400, "Invalid page cursor.", { param: "page", code: "invalid_value" });
  return position;
}

function refuseUnknown(params: URLSearchParams, rules: BucketQueryRules): void {
  const arrays = ["group_by", ...Object.keys(rules.filters)];
  const known = new Set([...scalars, ...arrays, ...arrays.map((name) => `${name}[]`)]);
  for (const name of params.keys()) {
    if (known.has(name)) continue;
    throw refused(400, `Unknown parameter: '${name}'.`, { param: name, code: "unknown_parameter" });
  }
}

function readGroupBy(params: URLSearchParams, allowed: readonly Dimension[]): Dimension[] {
  const names = new Set(arrayOf(params, "group_by"));
  return [...names].map((name) => {
    const dimension = allowed.find((one) => one === name);
    if (dimension === undefined) throw invalid("group_by", name, allowed);
    return dimension;
  });
}

function readFilters(params: URLSearchParams, filters: Readonly<Record<string, Dimension>>): BucketQuery["filters"] {
  return Object.entries(filters).flatMap(([name, dimension]) => {
    const values = arrayOf(params, name);
    if (dimension === "batch") {
      for (const value of values)
        if (value !== "true" && value !== "false") throw invalid(name, value, ["true", "false"]);
    }
    return values.length === 0 ? [] : [{ dimension, values: new Set(values) }];
  });
}

function identityOf(params: URLSearchParams): string {
  const pairs = [...params].filter(([name]) => name !== "page" && name !== "limit");
  return JSON.stringify(pairs.map(([name, value]) => [name.replace(/\[\]$/, ""), value]).sort());
}
