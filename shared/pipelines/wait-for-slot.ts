import type { Snapshot } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import { longestQueueMilliseconds, queueCheckMilliseconds, type WaitingRunDocument } from "./new-run.ts";
import type { RunDocument, RunIndexDocument } from "./run.ts";
import { recordRun } from "./run-history.ts";
import { runIndexPath, runPath, waitingRunPath } from "./run-paths.ts";
import { recordQueued } from "./scheduled-history.ts";

/**
 * Puts a run whose slot ran out while it waited into the queue of its organization (T2 of `pipelines.md` 6): it keeps its
 * unit, and its wait for another slot takes none of its time. In the queue it stands by its age, before younger runs.
 */
export function waitForSlot(
  { body: run, version, readAt }: Snapshot<RunDocument> & { body: RunDocument },
  index: RunIndexDocument | undefined,
  change: Change,
): void {
  const now = readAt.getTime();
  const { runId, org, priority, createdAt } = run;
  const waiting: RunDocument = {
    ...run,
    queueState: "waiting_slot",
    // Nobody has it while it waits: the lease of a process that died is over here.
    lease: null,
    recoveries: run.recoveries + (run.lease === null ? 0 : 1),
    wakeAt: null,
    deadlineAt: new Date(now + longestQueueMilliseconds).toISOString(),
  };
  change.set<RunDocument>(runPath(org.key, runId), waiting);
  change.create<WaitingRunDocument>(waitingRunPath(org.key, runId), {
    ...{ runId, priority, queuedAt: createdAt },
    millisecondsLeft: Date.parse(run.deadlineAt) - now,
  });
  if (index !== undefined) {
    const nextCheckAt = new Date(now + queueCheckMilliseconds).toISOString();
    // Somebody has taken up its message: how often it was sent says nothing of a run that only lacks a slot.
    change.set<RunIndexDocument>(runIndexPath(runId), { ...index, publications: 0, nextCheckAt, waiting: true });
  }
  recordRun(waiting, version + 1, change);
  recordQueued(waiting, version + 1, change);
}
