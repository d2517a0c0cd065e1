import { type Position, readCursor } from "../cursor.ts";
import { parseDay } from "../days.ts";
import type { Filter } from "../group.ts";
import { refused } from "./errors.ts";

/** What a report of time buckets takes (reference/anthropic.md). */
export interface ReportRules<Name extends string> {
  /** Cursors of one report mean nothing to another. */
  readonly report: string;
  readonly groupBy: readonly Name[];
  /** Query parameter, without its brackets -> dimension and, for closed lists, its values. */
  readonly filters: Readonly<Record<string, { readonly dimension: Name; readonly values?: readonly string[] }>>;
  /** Bucket width -> default and largest number of buckets on a page. */
  readonly limits: Readonly<Record<string, { readonly usual: number; readonly most: number }>>;
}

export interface ReportQuery<Name extends string> {
  /** Unix seconds of the first bucket of the window and of its end (exclusive), both on bucket borders. */
  readonly start: number;
  readonly end: number;
  readonly widthSeconds: number;
  readonly limit: number;
  readonly groupBy: readonly Name[];
  readonly filters: readonly Filter<Name>[];
  readonly asked: string | undefined;
  readonly position: Position;
  /** What a cursor is bound to: the report and all parameters but page and limit. */
  readonly identity: string;
}

const widths: Readonly<Record<string, number>> = { "1m": 60, "1h": 3600, "1d": 86_400 };

/** Reads and checks a query; arrays are bracketed (`a[]=1&a[]=2`). Throws a 400 in Anthropic's words. `now` ends an open window. */
export function readReportQuery<Name extends string>(
  params: URLSearchParams,
  rules: ReportRules<Name>,
  now: Date,
): ReportQuery<Name> {
  const arrays = ["group_by", ...Object.keys(rules.filters)].map((name) => `${name}[]`);
  refuseUnknown(params, ["starting_at", "ending_at", "bucket_width", "limit", "page", ...arrays]);
  const width = params.get("bucket_width") ?? "1d";
  const [limits, widthSeconds] = [rules.limits[width], widths[width]];
  if (limits === undefined || widthSeconds === undefined) {
    throw refused("bucket_width", `Input should be ${Object.keys(rules.limits).join(", ")}`);
  }
  const startingAt = instant(params, "starting_at");
  if (startingAt === undefined) throw refused("starting_at", "Field required");
  const endingAt = instant(params, "ending_at") ?? Math.floor(now.getTime() / 1000) + 1;
  if (params.has("ending_at") && endingAt <= startingAt) throw refused("ending_at", "must be after starting_at");
  const start = Math.floor(startingAt / widthSeconds) * widthSeconds;
  const identity = identityOf(params, rules.report);
  return {
    start,
    end: Math.ceil(endingAt / widthSeconds) * widthSeconds,
    widthSeconds,
    limit: readLimit(params, limits),
    groupBy: readGroupBy(params, rules.groupBy),
    filters: readFilters(params, rules.filters),
    ...readPage(params, identity, start),
    identity,
  };
}

/** Throws a 400 for a parameter that the endpoint does not have; an array without its brackets is one. */
export function refuseUnknown(params: URLSearchParams, known: readonly string[]): void {
  for (const name of params.keys()) if (!known.includes(name)) throw refused(name, "Extra inputs are not permitted");
}

/** A page size from 1 to `most`. */
export function readLimit(params: URLSearchParams, { usual, most }: { usual: number; most: number }): number {
  const text = params.get("limit") ?? String(usual);
  if (!/^\d{1,9}$/.test(text)) throw refused("limit", "Input should be a valid integer");
  const limit = Number(text);
  if (limit < 1) throw refused("limit", "Input should be greater than or equal to 1");
  if (limit > most) throw refused("limit", `Input should be less than or equal to ${most}`);
  return limit;
}

/** The cursor asked with and where it leads; without one, `start`. Throws a 400 for a cursor that was not given out for this query. */
export function readPage(
  params: URLSearchParams,
  identity: string,
  start: number,
): { asked: string | undefined; position: Position } {
  const asked = params.get("page") ?? undefined;
  const position = asked === undefined ? { start, skip: 0, hop: 0 } : readCursor(asked, identity);
  if (position === undefined) throw refused("page", "Invalid pagination token");
  return { asked, position };
}

/** A text that stands for the parameters of a walk over pages. */
export function identityOf(params: URLSearchParams, report: string): string {
  const pairs = [...params].filter(([name]) => name !== "page" && name !== "limit");
  return JSON.stringify(["anthropic", report, pairs.map(([name, value]) => [name, value]).sort()]);
}

/** Unix seconds of an RFC 3339 instant, rounded down. */
function instant(params: URLSearchParams, name: string): number | undefined {
  const text = params.get(name);
  if (text === null) return undefined;
  const day = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i.exec(text)?.[1];
  const seconds = day !== undefined && isDay(day) ? Math.floor(Date.parse(text) / 1000) : Number.NaN;
  if (!(seconds >= 0)) throw refused(name, "Input should be a valid RFC 3339 datetime");
  return seconds;
}

/** True for a calendar day that exists. */
export function isDay(text: string): boolean {
  try {
    return parseDay(text) >= 0;
  } catch {
    return false;
  }
}

function readGroupBy<Name extends string>(params: URLSearchParams, allowed: readonly Name[]): Name[] {
  const names = [...new Set(params.getAll("group_by[]"))];
  return names.map((name, index) => {
    const dimension = allowed.find((one) => one === name);
    // Only the wrong value is named, so that a caller can tell which one to leave out.
    if (dimension === undefined) throw refused(`group_by.${index}`, `Input '${name}' is not a supported dimension`);
    return dimension;
  });
}

function readFilters<Name extends string>(
  params: URLSearchParams,
  filters: ReportRules<Name>["filters"],
): Filter<Name>[] {
  return Object.entries(filters).flatMap(([name, { dimension, values: allowed }]) => {
    const values = params.getAll(`${name}[]`);
    const wrong = values.findIndex((value) => allowed !== undefined && !allowed.includes(value));
    if (wrong >= 0) throw refused(`${name}.${wrong}`, `Input should be ${(allowed ?? []).join(", ")}`);
    return values.length === 0 ? [] : [{ dimension, values: new Set(values) }];
  });
}
