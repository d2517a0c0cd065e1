import type { MonthFrame } from "./month-frame.ts";
import type { Sums } from "./sums.ts";

/** Groups of any keys. */
export interface SumsByKey {
  key: object;
  sums: Sums;
}

/** A published month, as the groups of an answer are taken from it. */
export interface MonthSource {
  /** First and last UTC day that it holds rows of, `YYYY-MM-DD`. */
  first: string;
  last: string;
  /** Its rows, built or remembered. */
  frame: () => Promise<MonthFrame>;
  /** Groups that the name and the month decide: remembered, or made now. They are never changed. */
  groups: (name: string, make: () => Promise<readonly SumsByKey[]>) => Promise<readonly SumsByKey[]>;
}

const monthsAtOnce = 2;

/**
 * Does the work for month after month, two at a time, so that a long range never holds all frames at once. Answers what
 * came of them in the order of the months; the first failure ends it. Source: costs.md 10.
 */
export async function ofEachMonth<Month, Part>(
  months: readonly Month[],
  work: (month: Month) => Promise<Part>,
): Promise<Part[]> {
  const parts: Part[] = [];
  let next = 0;
  const run = async (): Promise<void> => {
    while (next < months.length) {
      const at = next++;
      parts[at] = await work(months[at] as Month);
    }
  };
  try {
    await Promise.all(Array.from({ length: monthsAtOnce }, run));
  } finally {
    next = months.length;
  }
  return parts;
}
