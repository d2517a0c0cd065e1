import { type AnswerObject, answerObject, drift } from "../answer-fields.ts";
import { allBuckets, type BucketAnswer, type BucketForm } from "../day-buckets.ts";
import type { Findings } from "../findings.ts";
import { cursorGuard, nextPageOf, type Source } from "../page-walk.ts";
import { type DayRange, dayEndSeconds, dayStartSeconds, instantOfSeconds } from "../utc-days.ts";

/** Below `/v1/organizations`; the key needs admin rights. */
export const paths = {
  costs: "/v1/organizations/cost_report",
  usage: "/v1/organizations/usage_report/messages",
  activity: "/v1/organizations/usage_report/claude_code",
  workspaces: "/v1/organizations/workspaces",
  apiKeys: "/v1/organizations/api_keys",
} as const;

const bucketsPerPage = 31;
const recordsPerPage = 1000;
const pageFields: ReadonlySet<string> = new Set(["data", "has_more", "next_page"]);

const form: BucketForm = {
  pageFields,
  bucketFields: new Set(["starting_at", "ending_at", "results"]),
  start: "starting_at",
  end: "ending_at",
  secondsOf: instantField,
};

/** All day buckets of the cost or the usage report, as `allBuckets`. Only the usage report is asked for a bucket width. */
export function reportBuckets(
  source: Source,
  listing: { path: string; range: DayRange; groupBy: readonly string[] },
  found: Findings,
): Promise<BucketAnswer> {
  const query = {
    starting_at: instantOfSeconds(dayStartSeconds(listing.range.first)),
    ending_at: instantOfSeconds(dayEndSeconds(listing.range.last)),
    ...(listing.path === paths.usage ? { bucket_width: "1d" } : {}),
    limit: bucketsPerPage,
  };
  return allBuckets(source, { ...listing, query, form }, found);
}

/** All Claude Code records of one UTC day. Throws `PROVIDER_PAGE_LOOP` and what `ProviderHttp` throws. */
export async function activityRecords(source: Source, day: string, found: Findings): Promise<AnswerObject[]> {
  const records: AnswerObject[] = [];
  const query = { starting_at: day, limit: recordsPerPage };
  const cursors = cursorGuard(source.provider);
  for (let page: string | null = null; ; ) {
    const { body } = await source.http.get(paths.activity, page === null ? query : { ...query, page }, source.signal);
    const answer = answerObject(body);
    answer.report(pageFields, found);
    records.push(...answer.list("data"));
    page = nextPageOf(answer);
    if (page === null) return records;
    cursors.pass(page);
  }
}

/** Unix seconds of an RFC 3339 instant; anything else is `PROVIDER_SCHEMA_DRIFT`. */
export function instantField(object: AnswerObject, field: string): number {
  const text = object.requiredText(field);
  const isInstant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const seconds = isInstant ? Date.parse(text) / 1000 : Number.NaN;
  if (Number.isNaN(seconds)) throw drift(`${object.path}.${field}`, "an RFC 3339 instant was expected");
  return seconds;
}
