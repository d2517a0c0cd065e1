import { isUsed, sliceOfDay, sumCounts } from "../counts.ts";
import { dayOf } from "../days.ts";
import { type Group, groupRows } from "../group.ts";
import type { JsonObject } from "../json.ts";
import type { Answer, AuthorizedCall, FaultFields } from "../provider.ts";
import { bucketPage } from "./bucket-page.ts";
import { dayRows } from "./day-rows.ts";
import { readBucketQuery } from "./query.ts";
import type { Dimension, UsageRow } from "./rows.ts";
import type { UsageEndpoint } from "./usage-endpoints.ts";

const limits = {
  "1d": { usual: 7, most: 31 },
  "1h": { usual: 24, most: 168 },
  "1m": { usual: 60, most: 1440 },
};

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
    const rows = rowsOfDay(dayOf(start)).map((row) => ({
      ...row,
      counts: sliceOfDay(row.counts, start, asked.widthSeconds),
    }));
    return groupRows(rows.filter(isUsed), asked.groupBy, asked.filters).map((group) => result(group, endpoint));
  };
  return bucketPage(asked, results, faultFields(endpoint));
}

function result({ dimensions, rows }: Group<Dimension, UsageRow>, endpoint: UsageEndpoint): JsonObject {
  const shown = endpoint.groupBy.map((name) => [name, dimensions[name] ?? null] as const);
  return { object: endpoint.object, ...endpoint.fields(sumCounts(rows)), ...Object.fromEntries(shown) };
}

function faultFields({ name, mainMetric }: UsageEndpoint): FaultFields {
  const enumeration = { completions: "service_tier", web_search_calls: "context_level", images: "size" }[name];
  const main = `data.*.results.*.${mainMetric}`;
  return enumeration === undefined ? { main } : { main, enumeration: `data.*.results.*.${enumeration}` };
}
