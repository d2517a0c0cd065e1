/** What half and what nineteen of twenty of the values do not exceed; milliseconds where they are times. */
export interface Spread {
  p50: number;
  p95: number;
}

/** Nearest rank: both are values that were seen. Without values 0. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
  return { p50: at(0.5), p95: at(0.95) };
}
