const secondsPerDay = 86_400;

/** Days since 1970-01-01 of a calendar day `yyyy-mm-dd`. Throws on texts that name no real day. */
export function parseDay(text: string): number {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  const milliseconds = match === null ? Number.NaN : Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3]));
  const day = milliseconds / (secondsPerDay * 1000);
  if (!Number.isInteger(day) || formatDay(day) !== text) throw new Error(`not a calendar day (yyyy-mm-dd): ${text}`);
  return day;
}

/** `yyyy-mm-dd` of a day number. */
export function formatDay(day: number): string {
  return new Date(day * secondsPerDay * 1000).toISOString().slice(0, 10);
}

/** RFC 3339 of unix seconds, in UTC and whole seconds: `2026-07-01T00:00:00Z`. */
export function formatInstant(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

/** The UTC day that an instant, or unix seconds, falls on. */
export function dayOf(instant: Date | number): number {
  const seconds = typeof instant === "number" ? instant : instant.getTime() / 1000;
  return Math.floor(seconds / secondsPerDay);
}

/** Every day from `first` to `last`, both included. */
export function daysBetween(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}
