import { AppError, isAppError } from "#shared/runtime/errors.ts";
import { type AnswerObject, answerObject, drift } from "./answer-fields.ts";
import type { Findings } from "./findings.ts";
import { cursorGuard, nextPageOf, type Source } from "./page-walk.ts";
import type { Query } from "./provider-address.ts";
import { type DayRange, dayEndSeconds, dayOfSeconds, dayStartSeconds } from "./utc-days.ts";

/** One UTC day of an answer, its results unread. */
export interface Bucket {
  day: string;
  startSeconds: number;
  endSeconds: number;
  results: AnswerObject[];
}

/** How one provider asks for and writes pages of day buckets: `{data: [{<start>, <end>, results}], has_more, next_page}`. */
export interface BucketForm {
  /** The fields of page and bucket that are known; others are counted. */
  pageFields: ReadonlySet<string>;
  bucketFields: ReadonlySet<string>;
  start: string;
  end: string;
  /** Unix seconds of `start` or `end`. */
  secondsOf(bucket: AnswerObject, field: string): number;
}

export interface BucketListing {
  path: string;
  range: DayRange;
  /** Sent as `group_by[]`. */
  groupBy: readonly string[];
  /** The other parameters, the range among them. */
  query: Query;
  form: BucketForm;
  /** The value of a grouped field where it is not a text. */
  grouped?: (result: AnswerObject, name: string) => unknown;
}

export interface BucketAnswer {
  /** One per day, ascending. */
  buckets: Bucket[];
  /** What the answer is really grouped by. */
  groupBy: readonly string[];
}

/**
 * All day buckets of one listing. A `group_by` value that the provider no longer knows is left out once, with a finding.
 * Throws `PROVIDER_PAGE_LOOP`, `PROVIDER_BAD_RESPONSE` for buckets that overlap, `PROVIDER_SCHEMA_DRIFT` for one outside
 * the range, and what `ProviderHttp` throws. Source: `providers.md` 2.2.
 */
export async function allBuckets(source: Source, listing: BucketListing, found: Findings): Promise<BucketAnswer> {
  try {
    return { buckets: await bucketsOf(source, listing, found), groupBy: listing.groupBy };
  } catch (error) {
    const unknown = unknownGrouping(error, listing.groupBy);
    if (unknown === undefined) throw error;
    found.add("unknown_field", `group_by[]=${unknown}`, listing.path);
    const groupBy = listing.groupBy.filter((name) => name !== unknown);
    return { buckets: await bucketsOf(source, { ...listing, groupBy }, found), groupBy };
  }
}

async function bucketsOf(source: Source, listing: BucketListing, found: Findings): Promise<Bucket[]> {
  const byDay = new Map<string, Bucket>();
  const query = { ...listing.query, "group_by[]": listing.groupBy };
  const cursors = cursorGuard(source.provider);
  for (let page: string | null = null; ; ) {
    const { body } = await source.http.get(listing.path, page === null ? query : { ...query, page }, source.signal);
    const { buckets, nextPage } = bucketPage(body, listing, found);
    // Before the buckets: a page that comes again repeats them too, and the loop is the cause.
    if (nextPage !== null) cursors.pass(nextPage);
    for (const bucket of buckets) join(byDay, bucket, listing);
    if (nextPage === null) break;
    page = nextPage;
  }
  return [...byDay.values()].sort((a, b) => a.startSeconds - b.startSeconds);
}

function bucketPage(
  body: unknown,
  { form, range }: BucketListing,
  found: Findings,
): { buckets: Bucket[]; nextPage: string | null } {
  const page = answerObject(body);
  page.report(form.pageFields, found);
  const buckets = page.list("data").map((bucket) => {
    bucket.report(form.bucketFields, found);
    return bucketOf(bucket, form, range);
  });
  return { buckets, nextPage: nextPageOf(page) };
}

function bucketOf(bucket: AnswerObject, form: BucketForm, range: DayRange): Bucket {
  const startSeconds = form.secondsOf(bucket, form.start);
  const endSeconds = form.secondsOf(bucket, form.end);
  const at = (field: string) => `${bucket.path}.${field}`;
  if (startSeconds < dayStartSeconds(range.first) || startSeconds >= dayEndSeconds(range.last))
    throw drift(at(form.start), "the bucket lies outside the days asked for");
  const day = dayOfSeconds(startSeconds);
  if (startSeconds !== dayStartSeconds(day)) throw drift(at(form.start), "the bucket does not start a UTC day");
  if (endSeconds <= startSeconds || endSeconds > dayEndSeconds(day))
    throw drift(at(form.end), "the bucket is no UTC day");
  return { day, startSeconds, endSeconds, results: bucket.list("results") };
}

/** A bucket may be split over pages as long as no coordinates stand in both halves. */
function join(byDay: Map<string, Bucket>, bucket: Bucket, listing: BucketListing): void {
  const known = byDay.get(bucket.day);
  if (!known) {
    byDay.set(bucket.day, bucket);
    return;
  }
  const taken = new Set(known.results.map((result) => coordinates(result, listing)));
  if (bucket.results.some((result) => taken.has(coordinates(result, listing)))) {
    throw new AppError(
      "PROVIDER_BAD_RESPONSE",
      `The provider sent the bucket of ${bucket.day} twice with overlapping results.`,
      { retryable: true },
    );
  }
  byDay.set(bucket.day, { ...known, results: [...known.results, ...bucket.results] });
}

function coordinates(result: AnswerObject, { groupBy, grouped }: BucketListing): string {
  return JSON.stringify(groupBy.map((name) => (grouped ? grouped(result, name) : result.text(name))));
}

/** The value a 400 complains about: the first of ours that its text names. */
function unknownGrouping(error: unknown, groupBy: readonly string[]): string | undefined {
  if (!isAppError(error) || error.extra["provider_status"] !== 400 || !error.message.includes("group_by"))
    return undefined;
  const { message } = error;
  const named = groupBy.filter((name) => message.includes(name));
  return named.sort((a, b) => message.indexOf(a) - message.indexOf(b))[0];
}
