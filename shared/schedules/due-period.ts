import { newestDue } from "./cron.ts";
import { delaySeconds } from "./next-firing.ts";
import type { ScheduleDocument } from "./schedule.ts";

/** The period a schedule is due for, and how many went by before it. */
export interface DuePeriod {
  period: Date;
  missed: number;
}

/** The newest period that is due at `now`; undefined where none is, or it was taken already. */
export function duePeriod(schedule: ScheduleDocument, now: Date): DuePeriod | undefined {
  if (!schedule.active || Date.parse(schedule.dueAt) > now.getTime()) return undefined;
  const newest = new Date(now.getTime() - delaySeconds(schedule) * 1000);
  const due = newestDue(schedule, new Date(schedule.nominalTime), newest);
  return isStillDue(schedule, due, now) ? due : undefined;
}

/** What every transaction asks again: two ticks, a late tick, a clock that was put back make one run. */
export function isStillDue(schedule: ScheduleDocument, { period }: DuePeriod, now: Date): boolean {
  const isNew = schedule.lastPeriod === null || schedule.lastPeriod < period.toISOString();
  return schedule.active && isNew && Date.parse(schedule.dueAt) <= now.getTime();
}
