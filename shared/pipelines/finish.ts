import { plans } from "#shared/plans/plans.ts";
import { effectiveSubscription, type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Topics } from "#shared/platform/topics/topics.ts";
import { quarantineChanges, type RunQuarantines } from "#shared/quarantine/quarantine-changes.ts";
import { emptyQuota, type QuotaDocument, rolled, settled } from "#shared/quotas/quota.ts";
import { quotaHistoryRow } from "#shared/quotas/quota-history.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import { type Change, commitChange } from "#shared/runtime/change.ts";
import type { Metrics } from "#shared/runtime/metrics.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { advanceBackfillMessage } from "./backfill-message.ts";
import { batchCountsOf } from "./batch-counts.ts";
import { coverageWith } from "./coverage.ts";
import { publishDependents } from "./dependents.ts";
import { admitQueueMessage } from "./queue-message.ts";
import {
  type ActiveRunDocument,
  assertMove,
  isTerminal,
  type RunDocument,
  type RunError,
  type RunResult,
  type SourceDocument,
} from "./run.ts";
import { recordRun, withTransition } from "./run-history.ts";
import { activeRunPath, runIndexPath, runPath, sourcePath, waitingRunPath } from "./run-paths.ts";
import { recordQueued } from "./scheduled-history.ts";

export type FinishPorts = { documents: Documents; topics: Topics } & Pick<Surroundings, "clock" | "ids" | "metrics">;

/** How a run ends. */
export interface Ending {
  status: "COMPLETED" | "FAILED" | "CANCELLED";
  reason: string;
  result?: RunResult;
  error?: RunError;
  warnings?: string[];
  findings?: RunDocument["findings"];
  stepsDone?: number;
  /** What it held back, and the days by source that stand as it found them. */
  quarantines?: Pick<RunQuarantines, "held" | "settledDays">;
}

/**
 * Ends a run, once (T7): terminal state, quota settled, guards removed, source and history written. `mayEnd` decides on
 * the stored run inside the transaction, by the store's clock, e.g. whether the caller still holds it. Answers the run as it ended.
 */
export async function finishRun(
  place: { orgKey: string; runId: string },
  ending: Ending,
  mayEnd: (run: RunDocument, now: Date) => boolean,
  ports: FinishPorts,
): Promise<RunDocument | undefined> {
  const ended = await commitChange((change) => writeEnding(place, ending, mayEnd, change), ports);
  if (ended !== undefined) countEnded(ended, ports.metrics);
  return ended;
}

/** Counts and measures a run whose end is committed. */
export function countEnded(run: RunDocument, metrics: Metrics): void {
  const { provider, status, triggerType: trigger, startedAt, endedAt } = run;
  metrics.count("ca_runs_total", { provider, status, trigger, code: run.error?.code ?? "" });
  if (startedAt !== null && endedAt !== null) metrics.observe("ca_run_seconds", {}, secondsBetween(startedAt, endedAt));
}

/** Instants may come from two clocks: never negative. */
export function secondsBetween(from: string, until: string): number {
  return Math.max(0, Date.parse(until) - Date.parse(from)) / 1000;
}

/** The same inside a transaction that does more; all its reads come first. */
export async function writeEnding(
  place: { orgKey: string; runId: string },
  ending: Ending,
  mayEnd: (run: RunDocument, now: Date) => boolean,
  change: Change,
): Promise<RunDocument | undefined> {
  const catalogue = await plans();
  const stored = await change.get<RunDocument>(runPath(place.orgKey, place.runId));
  const run = stored.body;
  if (run === undefined || isTerminal(run.status) || !mayEnd(run, stored.readAt)) return undefined;
  const source = sourcePath(run.org, run.pipelineId, run.credentialId);
  const paths = [quotaPath(run.org), subscriptionPath(run.org), activeRunPath(run.org.key, run.activeKey), source];
  const [quota, subscription, active, fences] = await change.getAll<object>(paths);
  const quarantines = { held: [], settledDays: {}, ...ending.quarantines, pipelineId: run.pipelineId };
  const writeQuarantines = await quarantineChanges(run.org, quarantines, change);
  const countInBatch = await batchCountsOf(run, change);
  const now = stored.readAt;
  const effective = effectiveSubscription(subscription?.body as SubscriptionDocument | undefined, catalogue, now);
  const counters = rolled((quota?.body as QuotaDocument | undefined) ?? emptyQuota(now), now);
  const isFull = Object.keys(counters.running).length >= (effective.limits.concurrent ?? Number.POSITIVE_INFINITY);
  const settlement = settled(
    counters,
    { runId: run.runId, unit: run.unit, outcome: ending.status },
    effective.limits,
    now,
  );
  if (run.isCounted) {
    change.set<QuotaDocument>(quotaPath(run.org), settlement.quota);
    change.history(
      quotaHistoryRow(run.org, settlement.quota, effective.limits, { version: (quota?.version ?? 0) + 1, now }),
    );
  }
  const ended = endedRun(run, ending, { unit: settlement.unit, now }, change);
  change.set<RunDocument>(runPath(run.org.key, run.runId), ended);
  recordRun(ended, stored.version + 1, change);
  change.delete(runIndexPath(run.runId));
  if ((active?.body as ActiveRunDocument | undefined)?.runId === run.runId)
    change.delete(activeRunPath(run.org.key, run.activeKey));
  const known = (fences?.body as SourceDocument | undefined) ?? {
    fence: 0,
    lastSuccessAt: null,
    coveredThrough: null,
    failures: 0,
  };
  change.set<SourceDocument>(source, sourceAfter(known, ended));
  writeQuarantines();
  countInBatch(ending.status);
  if (run.queueState === "waiting_slot") {
    change.delete(waitingRunPath(run.org.key, run.runId));
    recordQueued(ended, stored.version + 1, change);
  }
  if (run.backfillId !== null) change.publish(advanceBackfillMessage(run.org.key, run.backfillId), run.org);
  // Where all slots were taken somebody may wait for the one that is free now.
  if (isFull) change.publish(admitQueueMessage(run.org.key), run.org);
  await publishDependents(ended, change);
  return ended;
}

/** The run as it ends, with the transition written; the caller writes the run itself. */
export function endedRun(
  run: RunDocument,
  ending: Ending,
  at: { unit: RunDocument["unit"]; now: Date },
  change: Change,
): RunDocument {
  assertMove(run.status, ending.status);
  const next: RunDocument = {
    ...run,
    status: ending.status,
    lease: null,
    wakeAt: null,
    unit: at.unit,
    endedAt: at.now.toISOString(),
    result: ending.result ?? null,
    error: ending.error ?? null,
    warnings: ending.warnings ?? run.warnings,
    findings: ending.findings ?? run.findings,
    stepsDone: ending.stepsDone ?? run.stepsDone,
  };
  return withTransition(next, { from: run.status, to: ending.status, reason: ending.reason }, change);
}

function sourceAfter(source: SourceDocument, run: RunDocument): SourceDocument {
  // Neither publishes anything.
  if (run.dryRun || run.triggerType === "external") return source;
  if (run.status === "FAILED") return { ...source, failures: source.failures + 1 };
  if (run.status !== "COMPLETED") return source;
  return { ...source, ...coverageWith(source, run.range), failures: 0, lastSuccessAt: run.endedAt };
}
