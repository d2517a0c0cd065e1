import { writeCursor } from "../cursor.ts";
import { formatInstant } from "../days.ts";
import type { Json, JsonObject } from "../json.ts";
import type { Answer, FaultFields } from "../provider.ts";
import type { ReportQuery } from "./query.ts";

/** One page of buckets. `results` gives those of the bucket that starts at the unix second. */
export function bucketPage(
  query: ReportQuery<string>,
  results: (start: number) => JsonObject[],
  fields: FaultFields,
): Answer {
  const { end, widthSeconds, limit, position, identity, asked } = query;
  const last = Math.min(end, position.start + limit * widthSeconds);
  const data: Json[] = [];
  for (let start = position.start; start < last; start += widthSeconds) {
    const skip = start === position.start ? position.skip : 0;
    data.push({
      starting_at: formatInstant(start),
      ending_at: formatInstant(start + widthSeconds),
      results: results(start).slice(skip),
    });
  }
  const cursor = (index: number, skip: number): string =>
    writeCursor(
      {
        start: position.start + index * widthSeconds,
        skip: index === 0 ? position.skip + skip : skip,
        hop: position.hop + 1,
      },
      identity,
    );
  const hasMore = last < end;
  return {
    status: 200,
    headers: {},
    body: { data, has_more: hasMore, next_page: hasMore ? cursor(data.length, 0) : null },
    pages: { asked, cursor },
    fields: { ...fields, times: ["data.*.starting_at", "data.*.ending_at"] },
  };
}
