import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";

export const periodNames = [
  "today",
  "yesterday",
  "last_7_days",
  "last_30_days",
  "last_90_days",
  "mtd",
  "last_month",
  "qtd",
  "last_quarter",
  "ytd",
  "last_year",
  "custom",
] as const;

export type PeriodName = (typeof periodNames)[number];

/** The date parameters of a read as they came: at most one of dates, period, fiscal year and days. */
export interface DateRequest {
  start_date?: string | undefined;
  end_date?: string | undefined;
  period?: PeriodName | undefined;
  fiscal_year?: number | undefined;
  days?: number | undefined;
}

/** UTC days, both ends included. */
export interface DateRange {
  start: string;
  end: string;
  days: number;
  /** The period's name, `last_<n>_days`, `fiscal_year_<year>` or `custom`. */
  label: string;
}

/** What the rules depend on beside the request. */
export interface DateContext {
  /** UTC day of the clock. */
  today: string;
  /** 1 to 12. */
  fiscalStartMonth: number;
  maxDays: number;
  /** Used when the request names no range. */
  byDefault: PeriodName;
}

type Span = Omit<DateRange, "days">;

const firstDay = "2000-01-01";
const lastDay = "2100-12-31";
const dayMilliseconds = 86_400_000;

/**
 * The days a read covers. Errors, each naming its parameters: `INVALID_DATE` (not a real day of 2000 to 2100 in the form
 * YYYY-MM-DD), `INVALID_DATE_RANGE`, `RANGE_TOO_LONG`. Never depends on the process's time zone. Source: costs.md 3.
 */
export function dateRange(request: DateRequest, context: DateContext): DateRange {
  refuseUnrealDays(request);
  refuseSeveralRanges(request);
  const { start, end, label } = spanOf(request, context);
  const days = dayNumber(end) - dayNumber(start) + 1;
  if (days < 1) throw invalidRange([{ path: "/start_date", problem: "must not lie after end_date" }]);
  if (start > context.today) throw invalidRange([{ path: "/start_date", problem: "must not lie in the future" }]);
  if (days > context.maxDays) {
    const problem = `covers ${days} days, at most ${context.maxDays} are allowed`;
    throw new AppError("RANGE_TOO_LONG", `The range ${problem}.`, { fields: [{ path: "/start_date", problem }] });
  }
  return { start, end, days, label };
}

export function addDays(day: string, count: number): string {
  return new Date((dayNumber(day) + count) * dayMilliseconds).toISOString().slice(0, 10);
}

export function earlierDay(a: string, b: string): string {
  return [a, b].sort()[0] ?? a;
}

export function laterDay(a: string, b: string): string {
  return [a, b].sort()[1] ?? a;
}

/** All days from start to end, both included; none when end lies before start. */
export function daysBetween(start: string, end: string): string[] {
  const first = dayNumber(start);
  return Array.from({ length: Math.max(0, dayNumber(end) - first + 1) }, (_, at) =>
    new Date((first + at) * dayMilliseconds).toISOString().slice(0, 10),
  );
}

/** All months `yyyy-mm` that hold a day from start to end. */
export function monthsBetween(start: string, end: string): string[] {
  const first = monthIndex(start);
  return Array.from({ length: Math.max(0, monthIndex(end) - first + 1) }, (_, at) => firstOf(first + at).slice(0, 7));
}

/** First day of the month that lies `count` months after the day's own. */
export function monthStart(day: string, count: number): string {
  return firstOf(monthIndex(day) + count);
}

function spanOf(request: DateRequest, context: DateContext): Span {
  const { start_date, end_date, period, fiscal_year, days } = request;
  const { today } = context;
  if (days !== undefined) return { start: addDays(today, 1 - days), end: today, label: `last_${days}_days` };
  if (fiscal_year !== undefined) {
    const first = fiscal_year * 12 + context.fiscalStartMonth - 1;
    return { start: firstOf(first), end: lastOf(first + 11), label: `fiscal_year_${fiscal_year}` };
  }
  if (start_date !== undefined) return { start: start_date, end: end_date ?? today, label: "custom" };
  return { ...namedSpan(period ?? context.byDefault, context), label: period ?? context.byDefault };
}

function namedSpan(period: PeriodName, { today, fiscalStartMonth }: DateContext): { start: string; end: string } {
  const month = monthIndex(today);
  const monthsIntoYear = (month - (fiscalStartMonth - 1)) % 12;
  const year = month - monthsIntoYear;
  const quarter = month - (monthsIntoYear % 3);
  switch (period) {
    case "today":
      return { start: today, end: today };
    case "yesterday":
      return { start: addDays(today, -1), end: addDays(today, -1) };
    case "last_7_days":
      return { start: addDays(today, -6), end: today };
    case "last_30_days":
      return { start: addDays(today, -29), end: today };
    case "last_90_days":
      return { start: addDays(today, -89), end: today };
    case "mtd":
      return { start: firstOf(month), end: today };
    case "last_month":
      return { start: firstOf(month - 1), end: lastOf(month - 1) };
    case "qtd":
      return { start: firstOf(quarter), end: today };
    case "last_quarter":
      return { start: firstOf(quarter - 3), end: lastOf(quarter - 1) };
    case "ytd":
      return { start: firstOf(year), end: today };
    case "last_year":
      return { start: firstOf(year - 12), end: lastOf(year - 1) };
    case "custom":
      throw invalidRange([{ path: "/period", problem: "custom needs start_date and end_date" }]);
  }
}

function refuseUnrealDays(request: DateRequest): void {
  const fields = (["start_date", "end_date"] as const).flatMap((name): FieldProblem[] => {
    const day = request[name];
    if (day === undefined || isRealDay(day)) return [];
    return [{ path: `/${name}`, problem: `must be a real day from ${firstDay} to ${lastDay}, as YYYY-MM-DD` }];
  });
  if (fields.length > 0) throw new AppError("INVALID_DATE", "A date is not valid.", { fields });
}

function isRealDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || text < firstDay || text > lastDay) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().slice(0, 10) === text;
}

function refuseSeveralRanges(request: DateRequest): void {
  const { start_date, end_date, period, fiscal_year, days } = request;
  const hasBoth = start_date !== undefined && end_date !== undefined;
  if (period === "custom" && !hasBoth)
    throw invalidRange([{ path: "/period", problem: "custom needs start_date and end_date" }]);
  const given = [
    start_date === undefined && end_date === undefined
      ? undefined
      : start_date === undefined
        ? "end_date"
        : "start_date",
    period === undefined || period === "custom" ? undefined : "period",
    fiscal_year === undefined ? undefined : "fiscal_year",
    days === undefined ? undefined : "days",
  ].filter((name) => name !== undefined);
  if (given.length > 1)
    throw invalidRange(
      given.map((name) => ({ path: `/${name}`, problem: "only one of dates, period, fiscal_year and days" })),
    );
  if (start_date === undefined && end_date !== undefined)
    throw invalidRange([{ path: "/end_date", problem: "needs start_date" }]);
}

function invalidRange(fields: FieldProblem[]): AppError {
  const first = fields[0];
  const message = `The date range is not valid: ${first?.path.slice(1)} ${first?.problem}.`;
  return new AppError("INVALID_DATE_RANGE", message, { fields });
}

function dayNumber(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) / dayMilliseconds;
}

/** Months since year 0. */
function monthIndex(day: string): number {
  return Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)) - 1;
}

function firstOf(month: number): string {
  return `${String(Math.floor(month / 12)).padStart(4, "0")}-${String((month % 12) + 1).padStart(2, "0")}-01`;
}

function lastOf(month: number): string {
  return addDays(firstOf(month + 1), -1);
}
