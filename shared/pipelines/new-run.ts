import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import type { QuotaUnit } from "#shared/quotas/quota.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Pipeline } from "./pipeline.ts";
import type { DayRange } from "./range.ts";
import type { ActiveRunDocument, ParameterValue, RunDocument, RunIndexDocument, TriggerType } from "./run.ts";
import { recordRun, withTransition } from "./run-history.ts";
import { runMessage } from "./run-message.ts";
import { activeRunPath, runIndexPath, runPath, waitingRunPath } from "./run-paths.ts";
import { shardOf } from "./run-shard.ts";
import { recordQueued } from "./scheduled-history.ts";

/** A run that is to be made: what its id stands for. */
export interface PlannedRun {
  runId: string;
  credentialId: string;
  activeKey: string;
}

/** Everything that a new run is made of but its quota. */
export interface RunOrder {
  org: OrgIdentity;
  caller: Caller;
  pipeline: Pipeline;
  range: DayRange;
  triggerType: TriggerType;
  triggerBy: string;
  forceRefresh: boolean;
  parameters: Record<string, ParameterValue>;
  claimedUser: string | undefined;
  traceparent: string | undefined;
  dryRun?: boolean;
  retryOf?: string;
  backfillId?: string;
  batchRunId?: string;
  scheduleId?: string;
  /** RFC 3339 UTC: not before then, where it need not wait for a slot. */
  wakeAt?: string;
  /** The period of the schedule. */
  scheduledFor?: string;
  priority?: number;
}

/** Document `orgs/{key}/waitingRuns/{runId}`: a run that waits for a slot. */
export interface WaitingRunDocument {
  runId: string;
  priority: number;
  queuedAt: string;
  /** Of its time, where it had its unit and a slot before; absent where it waits for both. */
  millisecondsLeft?: number;
}

const defaultPriority = 5;
const firstCheckMilliseconds = 600_000;
/** How often somebody looks whether a waiting run can be let in. */
export const queueCheckMilliseconds = 60_000;
/** How long a run waits for a slot at most. */
export const longestQueueMilliseconds = 86_400_000;
/** How long an executor outside the platform may take. */
export const externalSeconds = 1800;

/** How a new run begins: on its way to a processor, waiting for a slot, or with an executor outside the platform. */
export type RunStart = "published" | "waiting_slot" | "external";

/** The new run, as `writeRun` writes it; `unit` null: it takes none. */
export function newRun(
  order: RunOrder,
  planned: PlannedRun,
  taken: { unit: QuotaUnit | null; start: RunStart; now: Date },
): RunDocument {
  const { pipeline } = order;
  const { now, start } = taken;
  const createdAt = now.toISOString();
  const isExternal = start === "external";
  return {
    ...identityOf(order, planned),
    status: isExternal ? "RUNNING" : "PENDING",
    triggerType: order.triggerType,
    triggerBy: order.triggerBy,
    actor: order.caller.credentialId,
    claimedUser: order.claimedUser ?? null,
    range: order.range,
    forceRefresh: order.forceRefresh,
    dryRun: order.dryRun ?? false,
    retryOf: order.retryOf ?? null,
    backfillId: order.backfillId ?? null,
    batchRunId: order.batchRunId ?? null,
    scheduleId: order.scheduleId ?? null,
    ...(order.scheduledFor === undefined ? {} : { scheduledFor: order.scheduledFor }),
    priority: order.priority ?? defaultPriority,
    queueState: start === "waiting_slot" ? "waiting_slot" : "published",
    parameters: order.parameters,
    config: pipeline.config,
    configDigest: pipeline.digest,
    unit: taken.unit ?? { day: createdAt.slice(0, 10), month: createdAt.slice(0, 7), state: "returned" },
    isCounted: taken.unit !== null || start === "waiting_slot",
    lease: isExternal ? { holder: "external", expiresAt: after(now, externalSeconds * 1000) } : null,
    fence: 0,
    claims: 0,
    recoveries: 0,
    continuations: 0,
    wakeAt: wakeOf(order, start),
    cancel: null,
    createdAt,
    startedAt: isExternal ? createdAt : null,
    endedAt: null,
    deadlineAt: after(new Date(wakeOf(order, start) ?? now), lifetimeOf(pipeline, start)),
    stepsDone: 0,
    transitions: 0,
    stateSince: createdAt,
    warnings: [],
    findings: [],
    result: null,
    error: null,
  };
}

function identityOf({ org, pipeline }: RunOrder, { runId, credentialId, activeKey }: PlannedRun) {
  const { id, provider, domain } = pipeline.config;
  return { runId, org, pipelineId: id, provider, domain, pipeline: pipeline.word, credentialId, activeKey };
}

function wakeOf({ wakeAt }: RunOrder, start: RunStart): string | null {
  return start === "published" ? (wakeAt ?? null) : null;
}

function lifetimeOf({ config }: Pipeline, start: RunStart): number {
  if (start === "waiting_slot") return longestQueueMilliseconds;
  return (start === "external" ? externalSeconds : config.timeout_seconds) * 1000;
}

/** Writes a new run with its index entry, its guard and its message (T1). */
export function writeRun(fresh: RunDocument, traceparent: string | undefined, change: Change): void {
  const { org } = fresh;
  const run = withTransition(fresh, { from: "NEW", to: fresh.status, reason: "requested" }, change);
  const isWaiting = run.queueState === "waiting_slot";
  change.create(runPath(org.key, run.runId), run);
  change.create<RunIndexDocument>(runIndexPath(run.runId), {
    org: org.key,
    status: run.status,
    nextCheckAt: firstCheckOf(run, new Date(run.createdAt)),
    shard: shardOf(run.runId),
    publications: 0,
    ...(isWaiting ? { waiting: true as const } : {}),
  });
  change.create<ActiveRunDocument>(activeRunPath(org.key, run.activeKey), { runId: run.runId });
  if (isWaiting) {
    const { runId, priority, createdAt } = run;
    change.create<WaitingRunDocument>(waitingRunPath(org.key, runId), { runId, priority, queuedAt: createdAt });
    recordQueued(run, 1, change);
  }
  recordRun(run, 1, change);
  // The sweeper announces one that sleeps.
  if (!isWaiting && run.status === "PENDING" && run.wakeAt === null)
    change.publish(runMessage(run, "run.start", traceparent), org);
}

function firstCheckOf(run: RunDocument, now: Date): string {
  if (run.lease !== null) return run.lease.expiresAt;
  if (run.wakeAt !== null) return run.wakeAt;
  return after(now, run.queueState === "waiting_slot" ? queueCheckMilliseconds : firstCheckMilliseconds);
}

function after(now: Date, milliseconds: number): string {
  return new Date(now.getTime() + milliseconds).toISOString();
}
