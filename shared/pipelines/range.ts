import { AppError } from "#shared/runtime/errors.ts";
import type { Window } from "./pipeline.ts";

/** Inclusive UTC days `YYYY-MM-DD`. */
export interface DayRange {
  start: string;
  end: string;
}

/** The dates a caller may give; all optional. */
export interface AskedDates {
  date?: string | undefined;
  start_date?: string | undefined;
  end_date?: string | undefined;
}

/** What is asked for at most; more is a backfill. */
export const maximumAskedDays = 31;
const dayMilliseconds = 86_400_000;

/** Which days a run covers (`pipelines.md` 3); `now` decides what today is, in UTC. */
export function rangeOf(asked: AskedDates, window: Window, now: Date): DayRange {
  const today = now.toISOString().slice(0, 10);
  const isAsked = asked.date !== undefined || asked.start_date !== undefined || asked.end_date !== undefined;
  if (!isAsked) return defaultRange(window, today);
  const range = askedRange(asked, addDays(today, -window.lagDays));
  refuseFuture(range, today);
  if (range.start < addDays(today, -window.historyDays)) {
    throw new AppError("BEFORE_HISTORY", `This pipeline reaches back ${window.historyDays} days.`);
  }
  if (daysOf(range).length > maximumAskedDays) {
    throw new AppError(
      "RANGE_TOO_LONG",
      `A run covers at most ${maximumAskedDays} days; ask for a longer range in parts.`,
    );
  }
  return range;
}

function askedRange(asked: AskedDates, newestComplete: string): DayRange {
  const { date, start_date, end_date } = asked;
  for (const [name, value] of Object.entries({ date, start_date, end_date })) {
    if (value !== undefined && !isDay(value)) {
      throw new AppError("INVALID_DATE", `${name} must be a real day, YYYY-MM-DD.`, {
        fields: [{ path: `/${name}`, problem: "is not a day" }],
      });
    }
  }
  if (date !== undefined && (start_date !== undefined || end_date !== undefined)) {
    throw combination("Give either date or a range, not both.");
  }
  if (date !== undefined) return { start: date, end: date };
  if (start_date === undefined) throw combination("end_date needs start_date.");
  const end = end_date ?? (newestComplete < start_date ? start_date : newestComplete);
  if (start_date > end) throw new AppError("INVALID_DATE_RANGE", "start_date is after end_date.");
  return { start: start_date, end };
}

function combination(message: string): AppError {
  return new AppError("INVALID_BODY", message, { fields: [{ path: "/end_date", problem: message }] });
}

function refuseFuture(range: DayRange, today: string): void {
  if (range.end > today) throw new AppError("DATE_IN_FUTURE", "The range reaches into the future (UTC).");
}

function defaultRange(window: Window, today: string): DayRange {
  const end = addDays(today, -window.lagDays);
  const start = addDays(end, -(window.catchUpDays - 1));
  if (Number(today.slice(8, 10)) > window.settleThroughDay) return { start, end };
  const previousMonth = `${addDays(`${today.slice(0, 7)}-01`, -1).slice(0, 7)}-01`;
  return { start: previousMonth < start ? previousMonth : start, end };
}

/** The days of a range, in order. */
export function daysOf(range: DayRange): string[] {
  const count = (Date.parse(range.end) - Date.parse(range.start)) / dayMilliseconds + 1;
  return Array.from({ length: Math.max(0, count) }, (_, at) => addDays(range.start, at));
}

export function addDays(day: string, count: number): string {
  return new Date(Date.parse(day) + count * dayMilliseconds).toISOString().slice(0, 10);
}

export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(text);
  return !Number.isNaN(time) && new Date(time).toISOString().slice(0, 10) === text;
}
