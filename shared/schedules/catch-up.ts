import type { Window } from "#shared/pipelines/pipeline.ts";
import { addDays, type DayRange, rangeOf } from "#shared/pipelines/range.ts";

/** How far a scheduled run reaches back for days that are missing; what is older is a backfill's. */
const longestCatchUpDays = 45;

/**
 * The days of a scheduled run: those of any run, and all since the newest day up to which everything is covered, at most
 * 45 days back (`pipelines.md` 3). `now` decides what today is, in UTC.
 */
export function scheduledRange(window: Window, now: Date, coveredThrough: readonly (string | null)[]): DayRange {
  const { start, end } = rangeOf({}, window, now);
  const floor = oldestCaughtUp(now);
  const starts = coveredThrough.flatMap((day) => (day === null ? [] : [addDays(day, 1)]));
  return { start: [start, ...starts.map((day) => (day < floor ? floor : day))].sort()[0] ?? start, end };
}

/** Missing days before those that a scheduled run takes, as far as the pipeline's history reaches; undefined: none. */
export function olderGap(
  window: Window,
  now: Date,
  coveredThrough: string | null,
  run: DayRange,
): DayRange | undefined {
  if (coveredThrough === null) return undefined;
  const oldest = addDays(now.toISOString().slice(0, 10), -window.historyDays);
  const missing = addDays(coveredThrough, 1);
  const start = missing < oldest ? oldest : missing;
  const end = addDays(run.start, -1);
  return start <= end ? { start, end } : undefined;
}

function oldestCaughtUp(now: Date): string {
  return addDays(now.toISOString().slice(0, 10), -longestCatchUpDays);
}
