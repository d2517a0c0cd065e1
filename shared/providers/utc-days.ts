const daySeconds = 86_400;

/** Whole days that follow each other, ends included, `YYYY-MM-DD`. */
export interface DayRange {
  first: string;
  last: string;
}

/** Unix seconds of a UTC day's first instant. */
export function dayStartSeconds(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) / 1000;
}

export function dayEndSeconds(day: string): number {
  return dayStartSeconds(day) + daySeconds;
}

export function dayOfSeconds(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}

/** `2026-07-01T00:00:00Z`. */
export function instantOfSeconds(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}

/** The UTC month of a day as a FOCUS billing period, its end exclusive. */
export function monthOf(day: string): { start: string; end: string } {
  const start = `${day.slice(0, 7)}-01`;
  const next = new Date(`${start}T00:00:00Z`);
  next.setUTCMonth(next.getUTCMonth() + 1);
  return { start: `${start}T00:00:00Z`, end: `${next.toISOString().slice(0, 10)}T00:00:00Z` };
}

/** The days in as few unbroken ranges as possible. */
export function dayRanges(days: readonly string[]): DayRange[] {
  const ranges: DayRange[] = [];
  for (const day of [...new Set(days)].sort()) {
    const current = ranges.at(-1);
    if (current && dayEndSeconds(current.last) === dayStartSeconds(day)) current.last = day;
    else ranges.push({ first: day, last: day });
  }
  return ranges;
}
