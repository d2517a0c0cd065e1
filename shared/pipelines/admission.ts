import type { OrgIdentity } from "#shared/access/caller.ts";
import type { QuotaUnit } from "#shared/quotas/quota.ts";
import { type Reservation, type ReservePorts, reserve } from "#shared/quotas/reserve.ts";
import type { Change } from "#shared/runtime/change.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import type { WaitingRunDocument } from "./new-run.ts";
import type { RunDocument, RunIndexDocument } from "./run.ts";
import { recordRun } from "./run-history.ts";
import { runMessage } from "./run-message.ts";
import { runIndexPath, runPath, waitingRunPath } from "./run-paths.ts";
import { recordQueued } from "./scheduled-history.ts";

const mostAtOnce = 100;
const checkAfterMilliseconds = 600_000;

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
  for (const { runId } of inOrder) {
    if (admitted.length >= most) break;
    const outcome = await admitOne(orgKey, runId, ports);
    if (outcome === "refused") break;
    if (outcome === "admitted") admitted.push(runId);
  }
  return admitted;
}

type Outcome = "admitted" | "gone" | "refused";

async function admitOne(orgKey: string, runId: string, ports: ReservePorts): Promise<Outcome> {
  const { body: run } = await ports.documents.get<RunDocument>(runPath(orgKey, runId));
  if (run === undefined) return "gone";
  try {
    return await reserve(run.org, admissionOf(run.org, runId), ports);
  } catch (error) {
    if (isAppError(error, "QUOTA_EXCEEDED") || isAppError(error, "SUBSCRIPTION_INACTIVE")) return "refused";
    throw error;
  }
}

function admissionOf(org: OrgIdentity, runId: string): Reservation<Outcome> {
  const paths = { run: runPath(org.key, runId), index: runIndexPath(runId), waiting: waitingRunPath(org.key, runId) };
  let found: Waiting | undefined;
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
      found = { run: run.body, version: run.version, readAt: run.readAt, index };
      return undefined;
    },
    admit: (unit, change) => {
      if (found === undefined) throw new Error("admitted a run that was not read");
      letIn(found, unit, change);
      change.delete(paths.waiting);
      return "admitted";
    },
    repeat: () => "gone",
  };
}

/** A waiting run as it was read, and when by the store's clock. */
interface Waiting {
  run: RunDocument;
  version: number;
  readAt: Date;
  index: RunIndexDocument;
}

function letIn({ run, version, readAt, index }: Waiting, unit: QuotaUnit, change: Change): void {
  const now = readAt.getTime();
  const next: RunDocument = {
    ...run,
    unit,
    queueState: "published",
    deadlineAt: new Date(now + run.config.timeout_seconds * 1000).toISOString(),
  };
  change.set<RunDocument>(runPath(run.org.key, run.runId), next);
  const nextCheckAt = new Date(now + checkAfterMilliseconds).toISOString();
  change.set<RunIndexDocument>(runIndexPath(run.runId), { ...index, nextCheckAt });
  recordRun(next, version + 1, change);
  recordQueued(next, version + 1, change);
  change.publish(runMessage(next, "run.start"), run.org);
}
