import { isPlatformScope } from "#shared/access/platform-scope.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import { finishRun } from "#shared/pipelines/finish.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { runPath } from "#shared/pipelines/run-paths.ts";
import { plans } from "#shared/plans/plans.ts";
import {
  type EffectiveSubscription,
  effectiveSubscription,
  type SubscriptionDocument,
  subscriptionPath,
} from "#shared/plans/subscription.ts";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { type DuePeriod, duePeriod } from "./due-period.ts";
import { pauseSchedule, skipPeriod } from "./pass-over.ts";
import { orgOf, type ScheduleDocument, type SkipStatus } from "./schedule.ts";
import { startScheduled } from "./start-scheduled.ts";

/** What became of a schedule that somebody looked at. */
export interface Fired {
  outcome: "started" | "waiting" | "not_due" | "skipped" | "paused";
  reason: string | null;
  runIds: string[];
}

/** What refuses a run now and does not until a person has done something about it. */
const pausing = [
  "INTEGRATION_NOT_CONFIGURED",
  "INTEGRATION_NOT_READY",
  "INTEGRATION_INVALID",
  "CREDENTIAL_NOT_FOUND",
  "INVALID_BODY",
];
/** Tolerance of the plan's interval: a daily schedule has a day of 23 hours. */
export const intervalShare = 0.9;

/**
 * Runs a schedule if it is due, once for its newest period; with `isForced` also if it is not, without a period. Safe to
 * call twice, late, and at the same time. A refusal passes over the period or pauses the schedule (`pipelines.md` 12).
 */
export async function fireSchedule(
  path: string,
  ports: ReservePorts,
  { isForced = false }: { isForced?: boolean } = {},
): Promise<Fired> {
  const { body: schedule, readAt: now } = await ports.documents.get<ScheduleDocument>(path);
  if (schedule?.active !== true) return fired("not_due");
  const due = duePeriod(schedule, now);
  if (due === undefined && !isForced) return fired("not_due");
  const refused = await refusal(schedule, due, now, ports);
  if (refused === undefined) return start(path, schedule, due, ports);
  return "pause" in refused ? paused(path, refused.pause, ports) : skipped(path, due, refused.skip, ports);
}

/** What speaks against a run before anything is asked of the quota. */
async function refusal(
  schedule: ScheduleDocument,
  due: DuePeriod | undefined,
  now: Date,
  ports: ReservePorts,
): Promise<{ pause: string } | { skip: SkipStatus } | undefined> {
  const identity = orgOf(schedule);
  const pipeline = (await pipelines()).pipelines.find(({ config }) => config.id === schedule.pipelineId);
  if (isPlatformScope(identity)) return pipeline?.config.enabled === true ? undefined : { pause: "PIPELINE_DISABLED" };
  const [org, subscription] = await ports.documents.getAll<object>([orgPath(identity.key), subscriptionPath(identity)]);
  const owner = org?.body as OrgDocument | undefined;
  if (owner?.state !== "ACTIVE" || owner.orgId !== schedule.orgId) return { pause: "ORG_NOT_FOUND" };
  if (pipeline?.config.enabled !== true) return { pause: "PIPELINE_DISABLED" };
  const effective = effectiveSubscription(subscription?.body as SubscriptionDocument | undefined, await plans(), now);
  if (!effective.canRun) return { skip: "SKIPPED_SUBSCRIPTION" };
  return due !== undefined && isTooSoon(schedule, due, effective) ? { skip: "SKIPPED_INTERVAL" } : undefined;
}

/** After a downgrade: firings closer than the plan allows are passed over until enough time has gone by. */
function isTooSoon(
  schedule: ScheduleDocument,
  { period }: DuePeriod,
  { entitlements }: EffectiveSubscription,
): boolean {
  const shortest = intervalShare * entitlements.sync_interval_minutes;
  if (schedule.shortestGapMinutes >= shortest || schedule.lastRunPeriod === null) return false;
  return period.getTime() - Date.parse(schedule.lastRunPeriod) < shortest * 60_000;
}

async function start(
  path: string,
  schedule: ScheduleDocument,
  due: DuePeriod | undefined,
  ports: ReservePorts,
): Promise<Fired> {
  if (due !== undefined) await endSuperseded(schedule, ports);
  try {
    const { runs } = await startScheduled(path, schedule, due, ports);
    const isWaiting = runs.some((run) => run.queue_state === "waiting_slot");
    return { ...fired(isWaiting ? "waiting" : "started"), runIds: runs.map(({ run_id }) => run_id) };
  } catch (error) {
    if (!isAppError(error)) throw error;
    if (error.code === "SCHEDULE_NOT_DUE") return fired("not_due");
    if (error.code === "QUOTA_EXCEEDED" || error.code === "PLAN_LIMIT_REACHED")
      return skipped(path, due, "SKIPPED_QUOTA", ports);
    if (error.code === "SUBSCRIPTION_INACTIVE") return skipped(path, due, "SKIPPED_SUBSCRIPTION", ports);
    if (pausing.includes(error.code)) return paused(path, error.code, ports);
    throw error;
  }
}

/** Runs of the period before that still wait for a slot: the new one covers their days. */
async function endSuperseded({ org, lastRunIds }: ScheduleDocument, ports: ReservePorts): Promise<void> {
  const runs = await ports.documents.getAll<RunDocument>(lastRunIds.map((runId) => runPath(org, runId)));
  for (const { body } of runs) {
    if (body === undefined || !isWaiting(body)) continue;
    const ending = { status: "CANCELLED", reason: "superseded_by_next_period" } as const;
    await finishRun({ orgKey: org, runId: body.runId }, ending, isWaiting, ports);
  }
}

function isWaiting({ status, queueState }: RunDocument): boolean {
  return status === "PENDING" && queueState === "waiting_slot";
}

async function skipped(
  path: string,
  due: DuePeriod | undefined,
  status: SkipStatus,
  ports: ReservePorts,
): Promise<Fired> {
  if (due !== undefined) await skipPeriod(path, due, status, ports);
  return fired("skipped", status);
}

async function paused(path: string, reason: string, ports: ReservePorts): Promise<Fired> {
  await pauseSchedule(path, reason, ports);
  return fired("paused", reason);
}

function fired(outcome: Fired["outcome"], reason: string | null = null): Fired {
  return { outcome, reason, runIds: [] };
}
