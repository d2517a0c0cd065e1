import type { OrgIdentity } from "#shared/access/caller.ts";
import type { PlanLimits } from "#shared/plans/plans.ts";
import type { Snapshot } from "#shared/platform/documents/documents.ts";
import { type QuotaDocument, settled } from "#shared/quotas/quota.ts";
import type { Change } from "#shared/runtime/change.ts";
import { endedRun } from "./finish.ts";
import type { ActiveRunDocument, RunDocument } from "./run.ts";
import { recordRun } from "./run-history.ts";
import { activeRunPath, runIndexPath, waitingRunPath } from "./run-paths.ts";
import { recordQueued } from "./scheduled-history.ts";

/** Runs that have not ended, as one transaction has read them. */
export interface OpenRuns {
  runs: readonly (Snapshot<RunDocument> & { body: RunDocument })[];
  /** Path of a duplicate guard by the run that holds it. */
  guards: ReadonlyMap<string, string>;
}

/** Reads up to so many of the organization's open runs, waiting ones and those at work. */
export async function readOpenRuns(org: OrgIdentity, most: number, change: Change): Promise<OpenRuns> {
  const runs: OpenRuns["runs"][number][] = [];
  for (const status of ["PENDING", "RUNNING"] as const) {
    if (runs.length >= most) break;
    const page = await change.list<RunDocument>({
      collection: `orgs/${org.key}/runs`,
      filters: [{ field: "status", is: "==", value: status }],
      orderBy: [{ field: "createdAt", direction: "desc" }],
      limit: most - runs.length,
    });
    runs.push(...page.documents);
  }
  const paths = [...new Set(runs.map(({ body }) => activeRunPath(org.key, body.activeKey)))];
  const guards = paths.length === 0 ? [] : await change.getAll<ActiveRunDocument>(paths);
  const held = guards.flatMap(({ body, path }) => (body === undefined ? [] : [[body.runId, path] as const]));
  return { runs, guards: new Map(held) };
}

/**
 * Ends the runs as CANCELLED, whoever works on them: nothing of them is published once this is committed. Answers the
 * quota with their units settled, which the caller writes.
 */
export function cancelRuns(
  { runs, guards }: OpenRuns,
  by: { reason: string; quota: QuotaDocument; limits: PlanLimits; now: Date },
  change: Change,
): QuotaDocument {
  return runs.reduce((quota, { path, body: run, version }) => {
    const ending = { status: "CANCELLED" as const, reason: by.reason };
    const asked = { runId: run.runId, unit: run.unit, outcome: ending.status };
    const settlement = settled(quota, asked, by.limits, by.now);
    const ended = endedRun(run, ending, { unit: settlement.unit, now: by.now }, change);
    change.set<RunDocument>(path, ended);
    recordRun(ended, version + 1, change);
    change.delete(runIndexPath(run.runId));
    const guard = guards.get(run.runId);
    if (guard !== undefined) change.delete(guard);
    if (run.queueState === "waiting_slot") {
      change.delete(waitingRunPath(run.org.key, run.runId));
      recordQueued(ended, version + 1, change);
    }
    return settlement.quota;
  }, by.quota);
}
