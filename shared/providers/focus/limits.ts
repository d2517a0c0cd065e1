/** What a delivered file may be at most. Source: `provider-adapters.md` 3.9. */
export const fileLimits = {
  bytes: 512 * 1024 * 1024,
  rows: 10_000_000,
  inflation: 100,
  /** The ratio of a small file says nothing. */
  inflationFromBytes: 1024 * 1024,
  lineBytes: 1024 * 1024,
  columns: 400,
  /** More than ten years of charge days in one file is a mistake. */
  days: 3_660,
} as const;
