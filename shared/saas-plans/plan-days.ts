const dayMilliseconds = 86_400_000;

export const firstPlanDay = "2000-01-01";
const yearsAhead = 5;

/** The day so many days later (or earlier), `YYYY-MM-DD`. */
export function addDays(day: string, count: number): string {
  return new Date(Date.parse(day) + count * dayMilliseconds).toISOString().slice(0, 10);
}

/** Whole days from one day to another; negative when the other is earlier. */
export function daysFrom(first: string, last: string): number {
  return Math.round((Date.parse(last) - Date.parse(first)) / dayMilliseconds);
}

export function utcDay(instant: Date): string {
  return instant.toISOString().slice(0, 10);
}

/** The last UTC day that a plan may name: today and five years; 29 February becomes the 28th. */
export function lastPlanDay(today: string): string {
  return dayOfMonth(Number(today.slice(0, 4)) * 12 + Number(today.slice(5, 7)) - 1 + yearsAhead * 12, dayNumber(today));
}

/** Months since year 0 of the day's month. */
export function monthNumber(day: string): number {
  return Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)) - 1;
}

export function dayNumber(day: string): number {
  return Number(day.slice(8, 10));
}

/** That day of the month, or the month's last where it is shorter. */
export function dayOfMonth(month: number, day: number): string {
  const [year, at] = [Math.floor(month / 12), month % 12];
  const last = new Date(Date.UTC(year, at + 1, 0)).getUTCDate();
  return `${String(year).padStart(4, "0")}-${String(at + 1).padStart(2, "0")}-${String(Math.min(day, last)).padStart(2, "0")}`;
}

/** The earliest of some days, null standing for no end. */
export function earliestDay(days: readonly (string | null)[]): string | null {
  return days.reduce((found, day) => (day !== null && (found === null || day < found) ? day : found), null);
}
