import { addDays, type DayRange } from "./range.ts";
import type { SourceDocument } from "./run.ts";

type Coverage = Pick<SourceDocument, "coveredThrough" | "ahead">;

/**
 * What is covered once the days of a range are published too. Days behind a gap are remembered, so that whoever fills the
 * gap, in whichever order, need not come by them again.
 */
export function coverageWith({ coveredThrough, ahead = null }: Coverage, range: DayRange): Coverage {
  if (coveredThrough === null) return { coveredThrough: range.end, ahead };
  if (range.start > addDays(coveredThrough, 1)) return { coveredThrough, ahead: joined(ahead, range) };
  const reached = later(coveredThrough, range.end);
  const isClosed = ahead !== null && ahead.start <= addDays(reached, 1);
  return isClosed ? { coveredThrough: later(reached, ahead.end), ahead: null } : { coveredThrough: reached, ahead };
}

/** Of two stretches that do not touch the newer one: the gap before it is filled from there. */
function joined(ahead: DayRange | null, range: DayRange): DayRange {
  if (ahead === null) return range;
  const isTouching = range.start <= addDays(ahead.end, 1) && ahead.start <= addDays(range.end, 1);
  if (!isTouching) return range.end > ahead.end ? range : ahead;
  return { start: range.start < ahead.start ? range.start : ahead.start, end: later(range.end, ahead.end) };
}

function later(one: string, other: string): string {
  return one > other ? one : other;
}
