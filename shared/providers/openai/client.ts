import { allBuckets, type BucketAnswer, type BucketForm } from "../day-buckets.ts";
import type { Findings } from "../findings.ts";
import type { Source } from "../page-walk.ts";
import { type DayRange, dayEndSeconds, dayStartSeconds } from "../utc-days.ts";

export interface OpenaiListing {
  path: string;
  range: DayRange;
  groupBy: readonly string[];
  /** Restricts the answer; empty = all projects. */
  projectIds: readonly string[];
}

const bucketsPerPage = 31;

const form: BucketForm = {
  pageFields: new Set(["object", "data", "has_more", "next_page"]),
  bucketFields: new Set(["object", "start_time", "end_time", "results"]),
  start: "start_time",
  end: "end_time",
  secondsOf: (bucket, field) => bucket.count(field),
};

/** All day buckets of one listing, as `allBuckets`. */
export function openaiBuckets(source: Source, listing: OpenaiListing, found: Findings): Promise<BucketAnswer> {
  const { path, range, groupBy, projectIds } = listing;
  const query = {
    start_time: dayStartSeconds(range.first),
    end_time: dayEndSeconds(range.last),
    bucket_width: "1d",
    limit: bucketsPerPage,
    ...(projectIds.length > 0 ? { "project_ids[]": projectIds } : {}),
  };
  return allBuckets(
    source,
    {
      path,
      range,
      groupBy,
      query,
      form,
      grouped: (result, name) => (name === "batch" ? result.flagOrNull(name) : result.text(name)),
    },
    found,
  );
}
