import type { QuotaUnit } from "#shared/quotas/quota.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { RunDocument, RunIndexDocument } from "./run.ts";
import { recordRun } from "./run-history.ts";
import { runMessage } from "./run-message.ts";
import { runIndexPath, runPath, waitingRunPath } from "./run-paths.ts";
import { recordQueued } from "./scheduled-history.ts";

const checkAfterMilliseconds = 600_000;

/** `gone`: it waits no more. `refused`: no slot is free, or the quota has no unit for it. */
export type Admission = "admitted" | "gone" | "refused";

/** A waiting run as it was read, and when by the store's clock. */
export interface WaitingRun {
  run: RunDocument;
  version: number;
  readAt: Date;
  index: RunIndexDocument;
}

/** Sends a waiting run that has got a slot to its processor, with the time that it has left. */
export function letIn(
  { run, version, readAt, index }: WaitingRun,
  { unit = run.unit, millisecondsLeft }: { unit?: QuotaUnit; millisecondsLeft: number },
  change: Change,
): void {
  const now = readAt.getTime();
  const next: RunDocument = {
    ...run,
    unit,
    queueState: "published",
    deadlineAt: new Date(now + millisecondsLeft).toISOString(),
  };
  change.set<RunDocument>(runPath(run.org.key, run.runId), next);
  const nextCheckAt = new Date(now + checkAfterMilliseconds).toISOString();
  const { waiting: _over, ...admitted } = index;
  change.set<RunIndexDocument>(runIndexPath(run.runId), { ...admitted, nextCheckAt });
  change.delete(waitingRunPath(run.org.key, run.runId));
  recordRun(next, version + 1, change);
  recordQueued(next, version + 1, change);
  change.publish(runMessage(next, run.status === "PENDING" ? "run.start" : "run.wake"), run.org);
}
