import type { ReservePorts } from "#shared/quotas/reserve.ts";
import { type Change, commitChange } from "#shared/runtime/change.ts";
import { type DuePeriod, isStillDue } from "./due-period.ts";
import { nextFiring } from "./next-firing.ts";
import type { ScheduleDocument, SkipStatus } from "./schedule.ts";
import { publishScheduleEvent } from "./schedule-event.ts";
import { laterOf, writeSchedule } from "./schedule-store.ts";

/**
 * Passes over a period: the schedule goes on with the next, and its days are caught up then. People hear of every one
 * that the quota has cost; of a subscription that is inactive, or an interval that is too short, once per change.
 */
export async function skipPeriod(path: string, due: DuePeriod, status: SkipStatus, ports: ReservePorts): Promise<void> {
  await commitChange(async (change) => {
    const stored = await change.get<ScheduleDocument>(path);
    if (stored.body === undefined || !isStillDue(stored.body, due, stored.readAt)) return;
    const period = due.period.toISOString();
    const next: ScheduleDocument = {
      ...stored.body,
      ...nextFiring(stored.body, laterOf(stored.readAt, period)),
      lastPeriod: period,
      lastSkip: status,
      missedPeriods: stored.body.missedPeriods + due.missed,
    };
    writeSchedule(next, stored, change);
    recordSkipped(next, { period, status }, change);
    if (status === "SKIPPED_QUOTA" || stored.body.lastSkip !== status)
      publishScheduleEvent(next, { kind: "schedule.skipped", reason: status, period }, change);
  }, ports);
}

/** Stops a schedule until its integration, pipeline or organization can be used (again); nothing runs retroactively then. */
export async function pauseSchedule(path: string, reason: string, ports: ReservePorts): Promise<void> {
  await commitChange(async (change) => {
    const stored = await change.get<ScheduleDocument>(path);
    if (stored.body?.active !== true) return;
    const next = { ...stored.body, pausedReason: reason, active: false };
    writeSchedule(next, stored, change);
    publishScheduleEvent(next, { kind: "schedule.paused", reason, period: null }, change);
  }, ports);
}

/** The period in the history of what the scheduler made due: it has no run. */
function recordSkipped(
  schedule: ScheduleDocument,
  { period, status }: { period: string; status: SkipStatus },
  change: Change,
): void {
  const now = change.now.toISOString();
  change.history({
    table: "org_scheduled_pipeline_runs",
    operation: "CREATE",
    version: 1,
    row: {
      run_id: `${schedule.configId}~${period}`,
      config_id: schedule.configId,
      org_slug: schedule.orgSlug,
      pipeline_id: schedule.pipelineId,
      state: status,
      scheduled_time: period,
      priority: schedule.priority,
      parameters: schedule.parameters,
      pipeline_logging_id: null,
      retry_count: 0,
      max_retries: 0,
      completed_at: null,
      failed_at: null,
      error_message: null,
      created_at: now,
    },
  });
}
