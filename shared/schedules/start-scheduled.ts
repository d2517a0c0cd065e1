import type { Caller } from "#shared/access/caller.ts";
import { catchUpGaps } from "#shared/backfills/catch-up-gaps.ts";
import type { PlannedRun } from "#shared/pipelines/new-run.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { SourceDocument } from "#shared/pipelines/run.ts";
import { activeRunKey, sourcePath } from "#shared/pipelines/run-paths.ts";
import type { RunAnswer } from "#shared/pipelines/run-request.ts";
import { plannedTrigger, reserveRun, type Trigger } from "#shared/pipelines/trigger.ts";
import type { Snapshot } from "#shared/platform/documents/documents.ts";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import type { Change } from "#shared/runtime/change.ts";
import { Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { olderGap, scheduledRange } from "./catch-up.ts";
import { type DuePeriod, isStillDue } from "./due-period.ts";
import { nextFiring } from "./next-firing.ts";
import { orgOf, type ScheduleDocument } from "./schedule.ts";
import { laterOf, writeSchedule } from "./schedule-store.ts";

type Planned = Omit<Trigger, "effects">;

/**
 * Makes the runs of a schedule, one per usable credential, and moves the schedule on, in one transaction that reads the
 * schedule again. Throws `SCHEDULE_NOT_DUE` where somebody was faster, and what refuses any run.
 */
export async function startScheduled(
  path: string,
  schedule: ScheduleDocument,
  due: DuePeriod | undefined,
  ports: ReservePorts,
): Promise<RunAnswer> {
  const { trigger, covered, now } = await widened(schedule, await plannedRuns(schedule, due, ports), ports);
  const effects = scheduleEffects(path, due);
  const { body: answer } = await reserveRun({ ...trigger, effects }, ports);
  const gaps = trigger.runs.flatMap(({ credentialId }, at) => {
    const range = olderGap(trigger.pipeline.window, now, covered[at] ?? null, trigger.range);
    return range === undefined ? [] : [{ credentialId, range }];
  });
  await catchUpGaps({ org: trigger.org, pipeline: trigger.pipeline, gaps, parameters: trigger.parameters }, ports);
  return answer;
}

async function plannedRuns(
  schedule: ScheduleDocument,
  due: DuePeriod | undefined,
  ports: ReservePorts,
): Promise<Planned> {
  const { configId, credentialId, parameters, priority } = schedule;
  const pipeline = (await pipelines()).byAddress(schedule.pipelineId);
  const caller: Caller = { kind: "platform", credentialId: configId };
  const asked = { org: orgOf(schedule), caller, pipeline, requestId: configId };
  const request = {
    ...(credentialId === null ? {} : { credential_id: credentialId }),
    ...{ parameters, priority, queue: true, trigger_by: "scheduler" },
  };
  const planned = await plannedTrigger({ ...asked, claimedUser: undefined, traceparent: undefined }, request, ports);
  const scheduledFor = due?.period.toISOString();
  return {
    ...planned,
    triggerType: "scheduled",
    scheduleId: configId,
    ...(scheduledFor === undefined ? {} : { scheduledFor }),
  };
}

/** The same for all days since the newest that is covered. */
async function widened(
  schedule: ScheduleDocument,
  trigger: Planned,
  ports: ReservePorts,
): Promise<{ trigger: Planned; covered: (string | null)[]; now: Date }> {
  const { pipelineId } = schedule;
  const paths = trigger.runs.map(({ credentialId }) => sourcePath(trigger.org, pipelineId, credentialId));
  const sources = await ports.documents.getAll<SourceDocument>(paths);
  const covered = sources.map(({ body }) => body?.coveredThrough ?? null);
  const now = sources[0]?.readAt ?? ports.clock.now();
  const range = scheduledRange(trigger.pipeline.window, now, covered);
  const runs = trigger.runs.map(
    (run): PlannedRun => ({ ...run, activeKey: activeRunKey(pipelineId, run.credentialId, range) }),
  );
  return { trigger: { ...trigger, range, runs }, covered, now };
}

/** What the schedule's part of the transaction is: read again, decided again, moved on. */
function scheduleEffects(path: string, due: DuePeriod | undefined): Trigger["effects"] {
  let stored: (Snapshot<ScheduleDocument> & { body: ScheduleDocument }) | undefined;
  return {
    prepare: async (change) => {
      const snapshot = await change.get<ScheduleDocument>(path);
      const { body, readAt } = snapshot;
      const isDue = body?.active === true && (due === undefined || isStillDue(body, due, readAt));
      if (!isDue) throw new AppError("SCHEDULE_NOT_DUE", "The period was taken by another tick.");
      stored = { ...snapshot, body };
    },
    conclude: (change, answer) => {
      if (stored === undefined) throw new Error(`${path}: started without being read`);
      const { runs } = answer instanceof Reply ? answer.body : answer;
      writeSchedule(movedOn(stored.body, due, { runs, now: stored.readAt }), stored, change);
      auditRuns(stored.body, runs, change);
    },
  };
}

function movedOn(
  schedule: ScheduleDocument,
  due: DuePeriod | undefined,
  { runs, now }: { runs: RunAnswer["runs"]; now: Date },
): ScheduleDocument {
  const ran = { lastRunTime: now.toISOString(), lastRunIds: runs.map(({ run_id }) => run_id), lastSkip: null };
  if (due === undefined) return { ...schedule, ...ran };
  const period = due.period.toISOString();
  return {
    ...schedule,
    ...ran,
    ...nextFiring(schedule, laterOf(now, period)),
    lastPeriod: period,
    lastRunPeriod: period,
    missedPeriods: schedule.missedPeriods + due.missed,
  };
}

function auditRuns(schedule: ScheduleDocument, runs: RunAnswer["runs"], change: Change): void {
  change.audit({
    org: orgOf(schedule),
    actorKind: "system",
    apiKeyId: null,
    userId: null,
    action: "run.requested",
    operation: "EXECUTE",
    resourceType: "run",
    resourceId: runs[0]?.run_id ?? null,
    details: { config_id: schedule.configId, pipeline_id: schedule.pipelineId, runs: runs.map(({ run_id }) => run_id) },
    ipAddress: null,
    userAgent: null,
    requestId: null,
    status: "SUCCESS",
    errorMessage: null,
  });
}
