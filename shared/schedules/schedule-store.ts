import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Page, Snapshot, Transaction } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import { nextFiring } from "./next-firing.ts";
import type { ScheduleDocument } from "./schedule.ts";

export type StoredSchedule = Snapshot<ScheduleDocument> & { body: ScheduleDocument };

/** How many schedules an organization may have. */
export const maximumSchedules = 50;

export function schedulePath(orgKey: string, configId: string): string {
  return `schedules/${orgKey}:${configId}`;
}

/** What an id from outside must be before it becomes part of a path. */
export function isConfigId(text: string): boolean {
  return /^cfg_[0-9A-Za-z]{26}$/.test(text);
}

/** All schedules of an organization, inside a transaction or not. */
export async function schedulesOf(
  org: Pick<OrgIdentity, "key">,
  store: Pick<Transaction, "list">,
): Promise<StoredSchedule[]> {
  const page: Page<ScheduleDocument> = await store.list<ScheduleDocument>({
    collection: "schedules",
    filters: [{ field: "org", is: "==", value: org.key }],
    limit: 2 * maximumSchedules,
  });
  return page.documents;
}

/** Writes a schedule with its history row; `stored` is what was read in this transaction (version 0: nothing). */
export function writeSchedule(
  schedule: ScheduleDocument,
  stored: Pick<Snapshot<ScheduleDocument>, "version" | "createdAt">,
  change: Change,
): void {
  change.set<ScheduleDocument>(schedulePath(schedule.org, schedule.configId), schedule);
  recordSchedule(schedule, stored, stored.version === 0 ? "CREATE" : "UPDATE", change);
}

/** Removes a schedule, with its last history row. */
export function deleteSchedule(stored: StoredSchedule, change: Change): void {
  change.delete(stored.path);
  recordSchedule(stored.body, stored, "DELETE", change);
}

/**
 * The schedule with its switches; where it starts to run (again) or its rule has changed, it goes on from `now`: nothing
 * runs for what lies behind. `from` is the schedule as it was, undefined for a new one.
 */
export function settledSchedule(
  next: ScheduleDocument,
  from: ScheduleDocument | undefined,
  now: Date,
): ScheduleDocument {
  const active = next.isActive && next.pausedReason === null;
  const isKept = from?.active === true && from.cron === next.cron && from.timezone === next.timezone;
  const firing = active && !isKept ? nextFiring(next, laterOf(now, next.lastPeriod)) : undefined;
  return { ...next, active, ...firing };
}

/** A period is never run twice, whatever a clock says. */
export function laterOf(now: Date, period: string | null): Date {
  return period !== null && Date.parse(period) > now.getTime() ? new Date(period) : now;
}

function recordSchedule(
  schedule: ScheduleDocument,
  stored: Pick<Snapshot<ScheduleDocument>, "version" | "createdAt">,
  operation: "CREATE" | "UPDATE" | "DELETE",
  change: Change,
): void {
  const now = change.now.toISOString();
  change.history({
    table: "org_pipeline_configs",
    operation,
    version: stored.version + 1,
    row: {
      config_id: schedule.configId,
      org_slug: schedule.orgSlug,
      provider: schedule.provider,
      domain: schedule.domain,
      pipeline_template: schedule.pipeline,
      schedule_cron: schedule.cron,
      timezone: schedule.timezone,
      is_active: schedule.active,
      next_run_time: schedule.active ? schedule.dueAt : null,
      last_run_time: schedule.lastRunTime,
      last_run_status: schedule.lastSkip,
      parameters: schedule.parameters,
      priority: schedule.priority,
      created_at: stored.createdAt ?? now,
      updated_at: now,
    },
  });
}
