import type { OrgIdentity } from "#shared/access/caller.ts";
import { type Reservation, type ReservePorts, reserve } from "#shared/quotas/reserve.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { type Admission, letIn, type WaitingRun } from "./let-in.ts";
import type { WaitingRunDocument } from "./new-run.ts";
import { readmitRun } from "./readmission.ts";
import type { RunDocument, RunIndexDocument } from "./run.ts";
import { runIndexPath, runPath, waitingRunPath } from "./run-paths.ts";

const mostAtOnce = 100;

/**
 * Lets waiting runs of an organization in, at most so many, while slots are free, by priority and then by age; answers the ids of those it
 * let in. A refusal of the quota ends it: what is left is tried again when a slot is free, and by the sweeper.
 */
export async function admitWaiting(orgKey: string, ports: ReservePorts, most = mostAtOnce): Promise<string[]> {
  const page = await ports.documents.list<WaitingRunDocument>({
    collection: `orgs/${orgKey}/waitingRuns`,
    limit: mostAtOnce,
  });
  const inOrder = page.documents
    .map(({ body }) => body)
    .sort((a, b) => b.priority - a.priority || (a.queuedAt < b.queuedAt ? -1 : 1));
  const admitted: string[] = [];
  let isUsedUp = false;
  for (const waiting of inOrder) {
    if (admitted.length >= most) break;
    const needsUnit = waiting.millisecondsLeft === undefined;
    if (needsUnit && isUsedUp) continue;
    const outcome = await admitOne(orgKey, waiting, ports);
    if (outcome === "admitted") admitted.push(waiting.runId);
    if (outcome !== "refused") continue;
    // Without a slot nobody is let in; without a unit whoever has one still is.
    if (!needsUnit) break;
    isUsedUp = true;
  }
  return admitted;
}

async function admitOne(
  orgKey: string,
  { runId, millisecondsLeft }: WaitingRunDocument,
  ports: ReservePorts,
): Promise<Admission> {
  const { body: run } = await ports.documents.get<RunDocument>(runPath(orgKey, runId));
  if (run === undefined) return "gone";
  if (millisecondsLeft !== undefined) return readmitRun(run, ports);
  try {
    return await reserve(run.org, admissionOf(run.org, runId), ports);
  } catch (error) {
    if (isAppError(error, "QUOTA_EXCEEDED") || isAppError(error, "SUBSCRIPTION_INACTIVE")) return "refused";
    throw error;
  }
}

function admissionOf(org: OrgIdentity, runId: string): Reservation<Admission> {
  const paths = { run: runPath(org.key, runId), index: runIndexPath(runId), waiting: waitingRunPath(org.key, runId) };
  let found: WaitingRun | undefined;
  return {
    runId,
    uniqueKey: runId,
    reads: Object.values(paths),
    prepare: async () => {},
    check: () => {},
    existing: (read) => {
      const run = read.get<RunDocument>(paths.run);
      const index = read.get<RunIndexDocument>(paths.index)?.body;
      if (run?.body?.status !== "PENDING" || run.body.queueState !== "waiting_slot" || index === undefined)
        return "gone";
      // Let in since it was listed, and waiting again: for a slot alone.
      if (run.body.unit.state === "held") return "gone";
      found = { run: run.body, version: run.version, readAt: run.readAt, index };
      return undefined;
    },
    admit: (unit, change) => {
      if (found === undefined) throw new Error("admitted a run that was not read");
      const { timeout_seconds } = found.run.config;
      letIn(found, { unit, millisecondsLeft: timeout_seconds * 1000 }, change);
      return "admitted";
    },
    repeat: () => "gone",
  };
}
