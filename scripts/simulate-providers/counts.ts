const minutesPerDay = 1440n;

type Counts = Readonly<Record<string, bigint>>;

/**
 * The part of a day's counts that falls into a bucket (start in unix seconds, width in seconds): they are spread evenly over its
 * minutes, and slices add up to the day exactly because each is a difference of running totals.
 */
export function sliceOfDay(counts: Counts, start: number, widthSeconds: number): Record<string, bigint> {
  const first = BigInt((start % 86_400) / 60);
  const last = first + BigInt(widthSeconds / 60);
  return mapCounts(counts, (count) => (count * last) / minutesPerDay - (count * first) / minutesPerDay);
}

/** The percentage that the clock shows of each count, rounded down, so totals must be made from the parts. */
export function visibleCounts(counts: Counts, percent: bigint): Record<string, bigint> {
  return mapCounts(counts, (count) => (count * percent) / 100n);
}

/** Sums of many rows' counts by name. */
export function sumCounts(rows: readonly { readonly counts: Counts }[]): Record<string, bigint> {
  const sums: Record<string, bigint> = {};
  for (const { counts } of rows) {
    for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0n) + count;
  }
  return sums;
}

export function isUsed({ counts }: { readonly counts: Counts }): boolean {
  return Object.values(counts).some((count) => count !== 0n);
}

function mapCounts(counts: Counts, change: (count: bigint) => bigint): Record<string, bigint> {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, change(count)]));
}
