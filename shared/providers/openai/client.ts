import { AppError, isAppError } from "#shared/runtime/errors.ts";
import { type AnswerObject, answerObject } from "../answer-fields.ts";
import type { Findings } from "../findings.ts";
import type { ProviderHttp } from "../provider-http.ts";
import type { ProviderEntry } from "../registry-schema.ts";
import { type DayRange, dayEndSeconds, dayStartSeconds } from "../utc-days.ts";
import { type Bucket, bucketPage } from "./schema.ts";

/** Whose answers are read, and how long. `PullContext` is one. */
export interface Source {
  provider: ProviderEntry;
  http: ProviderHttp;
  signal: AbortSignal;
}

export interface BucketListing {
  path: string;
  range: DayRange;
  groupBy: readonly string[];
  /** Restricts the answer; empty = all projects. */
  projectIds: readonly string[];
}

export interface BucketAnswer {
  /** One per day, ascending. */
  buckets: Bucket[];
  /** What the answer is really grouped by. */
  groupBy: readonly string[];
}

const bucketsPerPage = 31;

/**
 * All day buckets of one listing. A `group_by` value that the provider no longer knows is left out once, with a finding.
 * Throws `PROVIDER_PAGE_LOOP`, `PROVIDER_BAD_RESPONSE` for buckets that overlap, and what `ProviderHttp` throws.
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
  const query = {
    start_time: dayStartSeconds(listing.range.first),
    end_time: dayEndSeconds(listing.range.last),
    bucket_width: "1d",
    limit: bucketsPerPage,
    "group_by[]": listing.groupBy,
    ...(listing.projectIds.length > 0 ? { "project_ids[]": listing.projectIds } : {}),
  };
  const cursors = cursorGuard(source.provider);
  for (let page: string | null = null; ; ) {
    const { body } = await source.http.get(listing.path, page === null ? query : { ...query, page }, source.signal);
    const { buckets, nextPage } = bucketPage(body, listing.range, found);
    // Before the buckets: a page that comes again repeats them too, and the loop is the cause.
    if (nextPage !== null) cursors.pass(nextPage);
    for (const bucket of buckets) join(byDay, bucket, listing.groupBy);
    if (nextPage === null) break;
    page = nextPage;
  }
  return [...byDay.values()].sort((a, b) => a.startSeconds - b.startSeconds);
}

/** A bucket may be split over pages as long as no coordinates stand in both halves. */
function join(byDay: Map<string, Bucket>, bucket: Bucket, groupBy: readonly string[]): void {
  const known = byDay.get(bucket.day);
  if (!known) {
    byDay.set(bucket.day, bucket);
    return;
  }
  const taken = new Set(known.results.map((result) => coordinates(result, groupBy)));
  if (bucket.results.some((result) => taken.has(coordinates(result, groupBy)))) {
    throw new AppError(
      "PROVIDER_BAD_RESPONSE",
      `The provider sent the bucket of ${bucket.day} twice with overlapping results.`,
      { retryable: true },
    );
  }
  byDay.set(bucket.day, { ...known, results: [...known.results, ...bucket.results] });
}

function coordinates(result: AnswerObject, groupBy: readonly string[]): string {
  return JSON.stringify(groupBy.map((name) => (name === "batch" ? result.flagOrNull(name) : result.text(name))));
}

/** The value a 400 complains about: the first of ours that its text names. */
function unknownGrouping(error: unknown, groupBy: readonly string[]): string | undefined {
  if (!isAppError(error) || error.extra["provider_status"] !== 400 || !error.message.includes("group_by"))
    return undefined;
  const { message } = error;
  const named = groupBy.filter((name) => message.includes(name));
  return named.sort((a, b) => message.indexOf(a) - message.indexOf(b))[0];
}

/** Every item of a list that pages by `after=<last_id>`. */
export async function allItems(
  source: Source,
  path: string,
  query: Record<string, string> = {},
): Promise<AnswerObject[]> {
  const items: AnswerObject[] = [];
  const cursors = cursorGuard(source.provider);
  for (let after: string | null = null; ; ) {
    const { body } = await source.http.get(
      path,
      { limit: 100, ...query, ...(after === null ? {} : { after }) },
      source.signal,
    );
    const list = answerObject(body);
    items.push(...list.list("data"));
    if (!list.flag("has_more")) return items;
    after = list.requiredText("last_id");
    cursors.pass(after);
  }
}

/** Ends walks that run in a circle or never end. */
function cursorGuard({ display_name, max_pages }: ProviderEntry): { pass(cursor: string): void } {
  const seen = new Set<string>();
  return {
    pass(cursor) {
      if (seen.has(cursor))
        throw new AppError("PROVIDER_PAGE_LOOP", `${display_name} gave the same page cursor twice.`);
      seen.add(cursor);
      if (seen.size >= max_pages)
        throw new AppError("PROVIDER_PAGE_LOOP", `${display_name} gave more than ${max_pages} pages.`);
    },
  };
}
