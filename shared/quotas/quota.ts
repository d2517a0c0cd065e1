/**
 * The counters of one organization and the rules that move them. All periods are UTC; *now* is always the store's
 * clock. Nothing here does I/O. Source: `organizations.md` 6.
 */

/** Document `orgs/{key}/quota/current`. */
export interface QuotaDocument {
  /** `YYYY-MM-DD`: the day the day's counters belong to; it never moves back. */
  day: string;
  /** `YYYY-MM`. */
  month: string;
  dayRuns: number;
  monthRuns: number;
  daySucceeded: number;
  dayFailed: number;
  dayRefunds: number;
  dayMaxConcurrent: number;
  lastCompletedAt: string | null;
  /** Slots: leases in time. A run whose `until` has passed holds none. */
  running: Record<string, Slot>;
  /** People with a membership. */
  members: number;
  /** Seats held for open invites, by invite id: until when, null for ever. A hold that is over holds nothing. */
  holds: Record<string, string | null>;
  /** The highest warning sent, by limit, and the period it was sent in. */
  warned: Partial<Record<WarnedLimit, SentWarning>>;
}

export type WarnedLimit = "daily" | "monthly" | "seats" | "providers";

export interface SentWarning {
  /** UTC day of the daily limit, UTC month of the others. */
  period: string;
  level: number;
}

export interface Slot {
  until: string;
}

/** null = unlimited. */
export interface Limits {
  daily: number | null;
  monthly: number | null;
  concurrent: number | null;
}

/** The unit that a run took, kept on the run. */
export interface QuotaUnit {
  day: string;
  month: string;
  state: "held" | "used" | "returned";
}

export type LimitName = "daily" | "monthly" | "concurrent";

export interface Refusal {
  limit: LimitName;
  limitValue: number;
  retryAfterSeconds: number;
}

export const newSlotSeconds = 900;
/** Ceiling under an unlimited number of concurrent runs. */
const maximumLiveRuns = 5000;

export function emptyQuota(now: Date): QuotaDocument {
  return {
    day: dayOf(now),
    month: monthOfInstant(now),
    dayRuns: 0,
    monthRuns: 0,
    daySucceeded: 0,
    dayFailed: 0,
    dayRefunds: 0,
    dayMaxConcurrent: 0,
    lastCompletedAt: null,
    running: {},
    members: 0,
    holds: {},
    warned: {},
  };
}

/** The counters as they stand at `now`: a later day or month starts at 0, an earlier one changes nothing; dead slots go. */
export function rolled(quota: QuotaDocument, now: Date): QuotaDocument {
  const day = dayOf(now);
  const month = monthOfInstant(now);
  const running = Object.fromEntries(Object.entries(quota.running).filter(([, slot]) => isLive(slot, now)));
  const live = Object.keys(running).length;
  const next = { ...quota, running };
  if (month > quota.month) Object.assign(next, { month, monthRuns: 0 });
  if (day > quota.day)
    Object.assign(next, { day, dayRuns: 0, daySucceeded: 0, dayFailed: 0, dayRefunds: 0, dayMaxConcurrent: live });
  return next;
}

/** What stands in the way of one more run; the longest wait is named first. Takes counters that are rolled to `now`. */
export function refusalOf(quota: QuotaDocument, limits: Limits, now: Date): Refusal | undefined {
  if (limits.monthly !== null && quota.monthRuns >= limits.monthly) {
    return { limit: "monthly", limitValue: limits.monthly, retryAfterSeconds: secondsUntil(nextMonth(now), now) };
  }
  if (limits.daily !== null && quota.dayRuns >= limits.daily) {
    return { limit: "daily", limitValue: limits.daily, retryAfterSeconds: secondsUntil(nextDay(now), now) };
  }
  const concurrent = limits.concurrent ?? maximumLiveRuns;
  if (Object.keys(quota.running).length >= concurrent) {
    return { limit: "concurrent", limitValue: concurrent, retryAfterSeconds: earliestSlotEnd(quota, now) };
  }
  return undefined;
}

/** Takes one unit and one slot for the run. Only after `refusalOf` has found nothing. */
export function admitted(
  quota: QuotaDocument,
  runId: string,
  now: Date,
  slotSeconds = newSlotSeconds,
): { quota: QuotaDocument; unit: QuotaUnit } {
  const taken = { ...quota, dayRuns: quota.dayRuns + 1, monthRuns: quota.monthRuns + 1 };
  return {
    quota: withSlot(taken, runId, after(now, slotSeconds)),
    unit: { day: quota.day, month: quota.month, state: "held" },
  };
}

/**
 * Keeps the run's slot alive, or takes a free one where it was dropped; undefined when none is free. The document is
 * only worth a write when little of the slot is left: then `isChanged`.
 */
export function extended(
  quota: QuotaDocument,
  runId: string,
  limits: Limits,
  now: Date,
): { quota: QuotaDocument; isChanged: boolean } | undefined {
  const slot = quota.running[runId];
  if (slot === undefined && Object.keys(quota.running).length >= (limits.concurrent ?? maximumLiveRuns))
    return undefined;
  if (slot !== undefined && Date.parse(slot.until) - now.getTime() >= 120_000) return { quota, isChanged: false };
  return { quota: withSlot(quota, runId, after(now, 300)), isChanged: true };
}

/**
 * Ends a run's use, once, guarded by the unit's own state. A completed run keeps its unit; a failed or cancelled one
 * gives it back to the period it was taken in while that is current, at most `daily` times a day.
 */
export function settled(
  quota: QuotaDocument,
  run: { runId: string; unit: QuotaUnit; outcome: "COMPLETED" | "FAILED" | "CANCELLED" },
  limits: Limits,
  now: Date,
): { quota: QuotaDocument; unit: QuotaUnit } {
  if (run.unit.state !== "held") return { quota, unit: run.unit };
  const running = Object.fromEntries(Object.entries(quota.running).filter(([id]) => id !== run.runId));
  const isSuccess = run.outcome === "COMPLETED";
  const isToday = run.unit.day === quota.day;
  const next: QuotaDocument = { ...quota, running, lastCompletedAt: now.toISOString() };
  if (isToday && isSuccess) next.daySucceeded += 1;
  if (isToday && !isSuccess) next.dayFailed += 1;
  if (isSuccess) return { quota: next, unit: { ...run.unit, state: "used" } };
  const isRefundable = !isToday || limits.daily === null || quota.dayRefunds < limits.daily;
  const isThisMonth = run.unit.month === quota.month;
  if (!isRefundable || (!isToday && !isThisMonth)) return { quota: next, unit: { ...run.unit, state: "used" } };
  if (isToday) {
    next.dayRefunds += 1;
    next.dayRuns = Math.max(0, next.dayRuns - 1);
  }
  if (isThisMonth) next.monthRuns = Math.max(0, next.monthRuns - 1);
  return { quota: next, unit: { ...run.unit, state: "returned" } };
}

export function dayOf(now: Date): string {
  return now.toISOString().slice(0, 10);
}

export function monthOfInstant(now: Date): string {
  return now.toISOString().slice(0, 7);
}

export function nextDay(now: Date): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1));
}

export function nextMonth(now: Date): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1));
}

function withSlot(quota: QuotaDocument, runId: string, until: string): QuotaDocument {
  const running = { ...quota.running, [runId]: { until } };
  return { ...quota, running, dayMaxConcurrent: Math.max(quota.dayMaxConcurrent, Object.keys(running).length) };
}

function isLive(slot: Slot, now: Date): boolean {
  return Date.parse(slot.until) > now.getTime();
}

function earliestSlotEnd(quota: QuotaDocument, now: Date): number {
  const ends = Object.values(quota.running).map((slot) => Date.parse(slot.until));
  return Math.min(300, secondsUntil(Math.min(...ends), now));
}

function secondsUntil(instant: Date | number, now: Date): number {
  return Math.max(1, Math.ceil((Number(instant) - now.getTime()) / 1000));
}

function after(now: Date, seconds: number): string {
  return new Date(now.getTime() + seconds * 1000).toISOString();
}
