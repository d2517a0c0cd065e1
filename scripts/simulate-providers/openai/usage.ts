import { dayOf } from "../days.ts";
import type { JsonObject } from "../json.ts";
import type { Answer, AuthorizedCall, FaultFields } from "../provider.ts";
import { bucketPage } from "./bucket-page.ts";
import { dayRows } from "./day-rows.ts";
import { type Group, groupRows } from "./group.ts";
import { readBucketQuery } from "./query.ts";
import type { UsageRow } from "./rows.ts";
import type { UsageEndpoint } from "./usage-endpoints.ts";

const limits = {
  "1d": { usual: 7, most: 31 },
  "1h": { usual: 24, most: 168 },
  "1m": { usual: 60, most: 1440 },
};
const minutesPerDay = 1440n;

/** `GET /v1/organization/usage/{name}`: counts per bucket, summed over every dimension that is not grouped by. */
export function usage({ simulation, account, query }: AuthorizedCall, endpoint: UsageEndpoint): Answer {
  const asked = readBucketQuery(query, { ...endpoint, limits }, simulation.now());
  const days = new Map<number, UsageRow[]>();
  const rowsOfDay = (day: number): UsageRow[] => {
    const known = days.get(day);
    if (known !== undefined) return known;
    const rows = dayRows(simulation, account, day).usage.filter((row) => row.endpoint === endpoint.name);
    days.set(day, rows);
    return rows;
  };
  const results = (start: number): JsonObject[] => {
    const rows = rowsOfDay(dayOf(start)).map((row) => sliceOf(row, start, asked.widthSeconds));
    const used = rows.filter((row) => Object.values(row.counts).some((count) => count !== 0n));
    return groupRows(used, asked.groupBy, asked.filters).map((group) => result(group, endpoint));
  };
  return bucketPage(asked, results, faultFields(endpoint));
}

/** A day's counts spread evenly over its minutes; slices add up to the day exactly because each is a difference of running totals. */
function sliceOf(row: UsageRow, start: number, widthSeconds: number): UsageRow {
  const first = BigInt((start % 86_400) / 60);
  const last = first + BigInt(widthSeconds / 60);
  const counts = Object.entries(row.counts).map(
    ([name, count]) => [name, (count * last) / minutesPerDay - (count * first) / minutesPerDay] as const,
  );
  return { ...row, counts: Object.fromEntries(counts) };
}

function result({ dimensions, rows }: Group<UsageRow>, endpoint: UsageEndpoint): JsonObject {
  const sums: Record<string, bigint> = {};
  for (const { counts } of rows) {
    for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0n) + count;
  }
  const shown = endpoint.groupBy.map((name) => [name, dimensions[name] ?? null] as const);
  return { object: endpoint.object, ...endpoint.fields(sums), ...Object.fromEntries(shown) };
}

function faultFields({ name, mainMetric }: UsageEndpoint): FaultFields {
  const enumeration = { completions: "service_tier", web_search_calls: "context_level", images: "size" }[name];
  const main = `data.*.results.*.${mainMetric}`;
  return enumeration === undefined ? { main } : { main, enumeration: `data.*.results.*.${enumeration}` };
}
