import type { BillingCycle, ChargedTerms } from "./plan.ts";
import { addDays, dayNumber, dayOfMonth, daysFrom, monthNumber } from "./plan-days.ts";

/** One billing cycle, both ends included. */
export interface Cycle {
  start: string;
  end: string;
  days: number;
}

type Rhythm = Pick<
  ChargedTerms,
  "billingCycle" | "cycleDays" | "cycleAlignment" | "billingAnchorDay" | "fiscalYearStartMonth" | "anchorDate"
>;

/** Months of a cycle; none: it is counted in days. */
export const cycleMonths: Readonly<Partial<Record<BillingCycle, number>>> = {
  monthly: 1,
  quarterly: 3,
  "semi-annual": 6,
  annual: 12,
};

/** A Monday, and the first of a year. */
const firstMonday = "2000-01-03";
const firstYear = "2000";

/**
 * The cycle that holds the day. Boundaries are always counted from one anchor and fall on the month's last day where it
 * is shorter, so they never drift. Source: `prices-and-plans.md` C5.2.
 */
export function cycleOf(rhythm: Rhythm, day: string): Cycle {
  const months = cycleMonths[rhythm.billingCycle];
  const anchor = anchorOf(rhythm);
  if (months === undefined)
    return dayCycle(anchor, rhythm.billingCycle === "weekly" ? 7 : (rhythm.cycleDays ?? 1), day);
  const boundary = (count: number): string =>
    dayOfMonth(monthNumber(anchor) + count * months, anchorDay(rhythm, anchor));
  let count = Math.floor((monthNumber(day) - monthNumber(anchor)) / months);
  if (boundary(count) > day) count -= 1;
  return cycleBetween(boundary(count), boundary(count + 1));
}

function anchorOf({ billingCycle, cycleAlignment, fiscalYearStartMonth, anchorDate }: Rhythm): string {
  if (cycleAlignment === "anniversary" || billingCycle === "custom") return anchorDate;
  if (billingCycle === "weekly") return firstMonday;
  const month = cycleAlignment === "fiscal" ? fiscalYearStartMonth : 1;
  return `${firstYear}-${String(month).padStart(2, "0")}-01`;
}

function anchorDay({ billingCycle, cycleAlignment, billingAnchorDay }: Rhythm, anchor: string): number {
  const isOwn = billingCycle === "monthly" && cycleAlignment === "anniversary" && billingAnchorDay !== null;
  return isOwn ? billingAnchorDay : dayNumber(anchor);
}

function dayCycle(anchor: string, length: number, day: string): Cycle {
  const start = addDays(anchor, Math.floor(daysFrom(anchor, day) / length) * length);
  return cycleBetween(start, addDays(start, length));
}

function cycleBetween(start: string, next: string): Cycle {
  return { start, end: addDays(next, -1), days: daysFrom(start, next) };
}
