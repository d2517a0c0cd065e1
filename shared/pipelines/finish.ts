import { plans } from "#shared/plans/plans.ts";
import { effectiveSubscription, type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Topics } from "#shared/platform/topics/topics.ts";
import { emptyQuota, type QuotaDocument, rolled, settled } from "#shared/quotas/quota.ts";
import { quotaHistoryRow } from "#shared/quotas/quota-history.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import { type Change, commitChange } from "#shared/runtime/change.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { addDays } from "./range.ts";
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
import { activeRunPath, runIndexPath, runPath, sourcePath } from "./run-paths.ts";

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
}

/**
 * Ends a run, once (T7): terminal state, quota settled, guards removed, source and history written. `mayEnd` decides on
 * the stored run inside the transaction, e.g. whether the caller still holds it. Answers the run as it ended.
 */
export async function finishRun(
  place: { orgKey: string; runId: string },
  ending: Ending,
  mayEnd: (run: RunDocument) => boolean,
  ports: FinishPorts,
): Promise<RunDocument | undefined> {
  const ended = await commitChange((change) => writeEnding(place, ending, mayEnd, change), ports);
  if (ended !== undefined) {
    const labels = {
      provider: ended.provider,
      status: ended.status,
      trigger: ended.triggerType,
      code: ended.error?.code ?? "",
    };
    ports.metrics.count("ca_runs_total", labels);
  }
  return ended;
}

/** The same inside a transaction that does more; all its reads come first. */
export async function writeEnding(
  place: { orgKey: string; runId: string },
  ending: Ending,
  mayEnd: (run: RunDocument) => boolean,
  change: Change,
): Promise<RunDocument | undefined> {
  const catalogue = await plans();
  const stored = await change.get<RunDocument>(runPath(place.orgKey, place.runId));
  const run = stored.body;
  if (run === undefined || isTerminal(run.status) || !mayEnd(run)) return undefined;
  const source = sourcePath(run.org, run.pipelineId, run.credentialId);
  const paths = [quotaPath(run.org), subscriptionPath(run.org), activeRunPath(run.org.key, run.activeKey), source];
  const [quota, subscription, active, fences] = await change.getAll<object>(paths);
  const now = stored.readAt;
  const effective = effectiveSubscription(subscription?.body as SubscriptionDocument | undefined, catalogue, now);
  const counters = rolled((quota?.body as QuotaDocument | undefined) ?? emptyQuota(now), now);
  const settlement = settled(
    counters,
    { runId: run.runId, unit: run.unit, outcome: ending.status },
    effective.limits,
    now,
  );
  change.set<QuotaDocument>(quotaPath(run.org), settlement.quota);
  change.history(
    quotaHistoryRow(run.org, settlement.quota, effective.limits, { version: (quota?.version ?? 0) + 1, now }),
  );
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
  return ended;
}

function endedRun(
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
  if (run.status === "FAILED") return { ...source, failures: source.failures + 1 };
  if (run.status !== "COMPLETED") return source;
  const reaches = source.coveredThrough === null || run.range.start <= addDays(source.coveredThrough, 1);
  const coveredThrough =
    reaches && run.range.end > (source.coveredThrough ?? "") ? run.range.end : source.coveredThrough;
  return { ...source, failures: 0, lastSuccessAt: run.endedAt, coveredThrough };
}
