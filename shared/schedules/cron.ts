import { Cron } from "croner";
import { AppError } from "#shared/runtime/errors.ts";
import { gapEnd, wallTime } from "./gap-end.ts";

/** When something is due: five fields, read on the clocks of an IANA time zone. */
export interface CronRule {
  cron: string;
  timezone: string;
}

/** Names of months and days beside numbers; none of `@daily`, seconds, `?`, `L`, `W`, `#`. */
const fieldPattern = /^(\*|[0-9]+|[A-Za-z]{3})(-([0-9]+|[A-Za-z]{3}))?(\/[0-9]+)?$/;
const names = /^(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat)$/i;
const minuteMilliseconds = 60_000;

/** The cron text with single spaces. Throws `INVALID_CRON`; the zone is not looked at. Source: `pipelines.md` 12. */
export function checkedCron(text: string): string {
  const fields = text.trim().split(/\s+/);
  if (fields.length !== 5) throw invalidCron("must have exactly five fields");
  const isKnown = fields.every((field) => field.split(",").every(isListItem));
  if (!isKnown) throw invalidCron("may hold numbers, names, * , - and / only");
  const cron = fields.join(" ");
  try {
    parsed({ cron, timezone: "UTC" });
  } catch (error) {
    throw invalidCron(`is not understood: ${error instanceof Error ? error.message : String(error)}`);
  }
  return cron;
}

function isListItem(item: string): boolean {
  return fieldPattern.test(item) && (item.match(/[A-Za-z]+/g) ?? []).every((word) => names.test(word));
}

/**
 * The first nominal instant after `from`; undefined for a rule that never fires. A time that the clocks skip counts at
 * the first instant after the gap, one that they show twice counts the first time.
 */
export function nominalAfter(rule: CronRule, from: Date): Date | undefined {
  const next = parsed(rule).nextRun(from) ?? undefined;
  const [, hours = "*"] = rule.cron.split(" ");
  // Every hour goes on through a gap by itself; only a named hour can be lost in it.
  if (hours.startsWith("*") || next === undefined) return next;
  const wall = parsed({ ...rule, timezone: "UTC" }).nextRun(wallTime(from, rule.timezone));
  const end = wall === null ? undefined : gapEnd(wall, rule.timezone);
  return end !== undefined && end > from && end < next ? end : next;
}

/** Nominal instants counted one by one at most; a longer silence is counted from two days ago. */
const mostCounted = 2000;

/** The newest nominal instant up to `now`, starting at the nominal instant `first`, and how many lie before it. */
export function newestDue(rule: CronRule, first: Date, now: Date): { period: Date; missed: number } {
  let period = first;
  let missed = 0;
  for (;;) {
    const next = nominalAfter(rule, period);
    if (next === undefined || next > now) return { period, missed };
    missed += 1;
    const isLong = missed === mostCounted && now.getTime() - next.getTime() > 2 * 86_400_000;
    period = isLong ? (nominalAfter(rule, new Date(now.getTime() - 2 * 86_400_000)) ?? next) : next;
  }
}

/**
 * The shortest time between two firings within 400 days, in minutes on the clocks of the zone: the day on which they are
 * put forward counts as any other. Throws `SCHEDULE_NEVER_FIRES`. `enough`: a gap below it is answered at once.
 */
export function shortestGapMinutes(cron: string, from: Date, enough: number): number {
  const day = nominalAfter({ cron, timezone: "UTC" }, from);
  if (day === undefined) throw neverFires();
  const times = timesOfDay(cron, enough);
  const [first = 0] = times;
  const last = times.at(-1) ?? 0;
  const within = times.slice(1).map((time, at) => time - (times[at] ?? 0));
  const between = shortestDayDistance(cron, from) * 1440 - last + first;
  return Math.min(between, ...within);
}

/** Minutes of the day at which it fires, on whichever day; not all of them once two are closer than `enough`. */
function timesOfDay(cron: string, enough: number): number[] {
  const [minutes, hours] = cron.split(" ");
  const daily = parsed({ cron: `${minutes} ${hours} * * *`, timezone: "UTC" });
  const midnight = Date.UTC(2026, 0, 1);
  const times: number[] = [];
  let at = daily.nextRun(new Date(midnight - 1));
  while (at !== null && at.getTime() < midnight + 86_400_000) {
    const time = (at.getTime() - midnight) / minuteMilliseconds;
    const before = times.at(-1);
    times.push(time);
    if (before !== undefined && time - before < enough) break;
    at = daily.nextRun(at);
  }
  return times;
}

/** Days between two days on which it fires, at least; 400 where there is only one within 400 days. */
function shortestDayDistance(cron: string, from: Date): number {
  const days = cron.split(" ").slice(2).join(" ");
  if (days === "* * *") return 1;
  const daily = parsed({ cron: `0 0 ${days}`, timezone: "UTC" });
  const end = from.getTime() + 400 * 86_400_000;
  let shortest = 400;
  let last = daily.nextRun(from);
  while (last !== null && last.getTime() < end && shortest > 1) {
    const next = daily.nextRun(last);
    if (next !== null && next.getTime() <= end)
      shortest = Math.min(shortest, (next.getTime() - last.getTime()) / 86_400_000);
    last = next;
  }
  return shortest;
}

function parsed({ cron, timezone }: CronRule): Cron {
  return new Cron(cron, { timezone, mode: "5-part" });
}

function invalidCron(problem: string): AppError {
  return new AppError("INVALID_CRON", `The cron expression ${problem}.`, {
    fields: [{ path: "/schedule_cron", problem }],
  });
}

function neverFires(): AppError {
  return new AppError("SCHEDULE_NEVER_FIRES", "The cron expression names a day that no calendar has.", {
    fields: [{ path: "/schedule_cron", problem: "never fires" }],
  });
}
