import { addDays, type DayRange } from "#shared/pipelines/range.ts";

export const chunkStates = ["PENDING", "RUNNING", "COMPLETED", "FAILED"] as const;

/** A calendar month of a backfill, cut to its range: one run at a time. */
export interface Chunk extends DayRange {
  state: (typeof chunkStates)[number];
  runId: string | null;
  /** Runs that have failed. */
  attempts: number;
  /** RFC 3339, UTC: a failed one is tried again then; null: not, or at once. */
  retryAt: string | null;
  errorCode: string | null;
  publishedDays: number;
  unchangedDays: number;
  /** Wall time of its run. */
  seconds: number | null;
}

/** The calendar months of a range, cut to it, newest first (`pipelines.md` 13). */
export function chunksOf({ start, end }: DayRange): DayRange[] {
  const chunks: DayRange[] = [];
  for (let last = end; last >= start; last = addDays(`${last.slice(0, 7)}-01`, -1)) {
    const first = `${last.slice(0, 7)}-01`;
    chunks.push({ start: first < start ? start : first, end: last });
  }
  return chunks;
}

export function newChunk(range: DayRange): Chunk {
  return {
    ...range,
    state: "PENDING",
    runId: null,
    attempts: 0,
    retryAt: null,
    errorCode: null,
    publishedDays: 0,
    unchangedDays: 0,
    seconds: null,
  };
}
