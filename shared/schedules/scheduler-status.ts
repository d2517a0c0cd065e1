import { type Static, Type } from "@sinclair/typebox";
import { eachOrganization } from "#shared/access/each-organization.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { QuotaDocument } from "#shared/quotas/quota.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import { nullable, strictObject } from "#shared/runtime/schema.ts";
import { duePage, type ScheduleTick, scheduleTickPath } from "./due-schedules.ts";
import { liveRuns, queueStateOf } from "./live-runs.ts";
import { scheduleShards } from "./new-schedule.ts";

const count = Type.Integer({ minimum: 0 });

export const SchedulerStatus = strictObject({
  total_active_pipelines: count,
  pipelines_due_now: count,
  pipelines_queued: count,
  pipelines_running: count,
  pipelines_completed_today: count,
  pipelines_failed_today: count,
  queue_length: count,
  avg_execution_time_seconds: nullable(Type.Number({ description: "Of up to 200 of today's completed runs" })),
  oldest_due_seconds: nullable(count),
  last_tick_at: nullable(Type.String({ format: "date-time" })),
});
export type SchedulerStatus = Static<typeof SchedulerStatus>;

const runsPerOrganization = 10;
const mostMeasured = 200;

/** How the clock's part of the platform stands now; days are UTC. The operator's: it reads what all organizations have. */
export async function schedulerStatus(documents: Documents): Promise<SchedulerStatus> {
  const { body: tick, readAt: now } = await documents.get<ScheduleTick>(scheduleTickPath);
  const [schedules, live, today] = await Promise.all([
    activeSchedules(now, documents),
    liveCounts(documents),
    countsOfToday(now, documents),
  ]);
  return {
    total_active_pipelines: schedules.active,
    pipelines_due_now: schedules.due,
    pipelines_queued: live.queued,
    pipelines_running: live.running,
    pipelines_completed_today: today.completed,
    pipelines_failed_today: today.failed,
    queue_length: live.queued,
    avg_execution_time_seconds: today.averageSeconds,
    oldest_due_seconds:
      schedules.oldest === undefined ? null : Math.floor((now.getTime() - Date.parse(schedules.oldest)) / 1000),
    last_tick_at: tick?.lastTickAt ?? null,
  };
}

async function activeSchedules(now: Date, documents: Documents) {
  const counts: { active: number; due: number; oldest: string | undefined } = { active: 0, due: 0, oldest: undefined };
  for (let shard = 0; shard < scheduleShards; shard++) {
    let from: string | undefined;
    do {
      const page = await duePage({ shard, until: "ever", from, limit: 500 }, documents);
      for (const { body } of page.documents) {
        counts.active += 1;
        if (Date.parse(body.dueAt) > now.getTime()) continue;
        counts.due += 1;
        if (counts.oldest === undefined || body.dueAt < counts.oldest) counts.oldest = body.dueAt;
      }
      from = page.next;
    } while (from !== undefined);
  }
  return counts;
}

async function liveCounts(documents: Documents) {
  const counts = { queued: 0, running: 0 };
  for await (const runs of liveRuns(documents)) {
    for (const run of runs) {
      if (queueStateOf(run) === "QUEUED") counts.queued += 1;
      else if (run.status === "RUNNING") counts.running += 1;
    }
  }
  return counts;
}

async function countsOfToday(now: Date, documents: Documents) {
  const today = now.toISOString().slice(0, 10);
  const counts = { completed: 0, failed: 0 };
  const seconds: number[] = [];
  for await (const orgs of eachOrganization(documents)) {
    const quotas = await documents.getAll<QuotaDocument>(orgs.map(quotaPath));
    for (const [at, { body: quota }] of quotas.entries()) {
      if (quota?.day !== today) continue;
      counts.completed += quota.daySucceeded;
      counts.failed += quota.dayFailed;
      const org = orgs[at];
      if (org !== undefined && quota.daySucceeded > 0 && seconds.length < mostMeasured)
        seconds.push(...(await secondsOfToday(org.key, today, documents)));
    }
  }
  const sum = seconds.reduce((all, each) => all + each, 0);
  return { ...counts, averageSeconds: seconds.length === 0 ? null : Math.round((sum * 10) / seconds.length) / 10 };
}

async function secondsOfToday(orgKey: string, today: string, documents: Documents): Promise<number[]> {
  const page = await documents.list<RunDocument>({
    collection: `orgs/${orgKey}/runs`,
    filters: [{ field: "status", is: "==", value: "COMPLETED" }],
    orderBy: [{ field: "createdAt", direction: "desc" }],
    limit: runsPerOrganization,
  });
  return page.documents.flatMap(({ body: { startedAt, endedAt } }) =>
    startedAt !== null && endedAt?.startsWith(today) ? [(Date.parse(endedAt) - Date.parse(startedAt)) / 1000] : [],
  );
}
