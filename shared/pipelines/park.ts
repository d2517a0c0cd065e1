import { emptyQuota, type QuotaDocument, rolled } from "#shared/quotas/quota.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import { type Change, commitChange } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { isStillOurs, setNextCheck } from "./claim.ts";
import type { EnginePorts } from "./engine-ports.ts";
import type { Parked } from "./lease-lost.ts";
import type { RunDocument, RunIndexDocument } from "./run.ts";
import { withTransition } from "./run-history.ts";
import { runMessage } from "./run-message.ts";
import { runIndexPath, runPath } from "./run-paths.ts";

/** How often a run is handed on at most. */
const maximumContinuations = 60;
/** A slot outlives the wait by this, so that the run goes on at once. */
const slotGraceMilliseconds = 15 * 60_000;
const longestSlotMilliseconds = 30 * 60_000;

/**
 * Hands the run on (T8): no lease, the slot kept a while. After a deadline a message wakes the next process at once; after
 * a wait the sweeper does. Answers `RUN_TOO_LONG` instead when it was handed on too often: then the run is to be ended.
 */
export async function parkRun(
  run: RunDocument,
  { waitMilliseconds, reason, message = "" }: Pick<Parked, "waitMilliseconds" | "reason"> & { message?: string },
  ports: EnginePorts,
): Promise<AppError | undefined> {
  return commitChange(async (change) => {
    const stored = await change.get<RunDocument>(runPath(run.org.key, run.runId));
    const index = await change.get<RunIndexDocument>(runIndexPath(run.runId));
    const quota = await change.get<QuotaDocument>(quotaPath(run.org));
    if (!isStillOurs(run, stored.body)) return undefined;
    const isHandedOn = reason !== "trouble";
    if (isHandedOn && stored.body.continuations >= maximumContinuations) {
      return new AppError(
        "RUN_TOO_LONG",
        `The run was handed on ${maximumContinuations} times without coming to its end.`,
      );
    }
    const now = stored.readAt;
    const wakeAt = new Date(now.getTime() + waitMilliseconds);
    const handedOn: RunDocument = {
      ...stored.body,
      lease: null,
      wakeAt: wakeAt.toISOString(),
      continuations: stored.body.continuations + (isHandedOn ? 1 : 0),
    };
    const next = reason === "budget" ? awaitingBudget(handedOn, { message, wakeAt, now }, change) : handedOn;
    change.set<RunDocument>(runPath(run.org.key, run.runId), next);
    setNextCheck(run, index.body, wakeAt.toISOString(), change);
    const held = heldSlot(rolled(quota.body ?? emptyQuota(now), now), run.runId, { wakeAt, now });
    if (held !== undefined) change.set<QuotaDocument>(quotaPath(run.org), held);
    if (reason === "deadline") change.publish(runMessage(next, "run.continue"), run.org);
    return undefined;
  }, ports);
}

/** The wait is the platform's: it takes none of the run's time, and the run says what it waits for. */
function awaitingBudget(
  run: RunDocument,
  { message, wakeAt, now }: { message: string; wakeAt: Date; now: Date },
  change: Change,
): RunDocument {
  const waits = Math.max(0, wakeAt.getTime() - now.getTime());
  const next = {
    ...run,
    deadlineAt: new Date(Date.parse(run.deadlineAt) + waits).toISOString(),
    warnings: [...run.warnings.filter((text) => text !== message), message],
  };
  return withTransition(next, { from: run.status, to: run.status, reason: message }, change);
}

/** The quota with the run's slot kept over the wait; undefined where it is kept long enough, or is gone. */
function heldSlot(
  quota: QuotaDocument,
  runId: string,
  { wakeAt, now }: { wakeAt: Date; now: Date },
): QuotaDocument | undefined {
  const slot = quota.running[runId];
  const until = Math.min(wakeAt.getTime() + slotGraceMilliseconds, now.getTime() + longestSlotMilliseconds);
  if (slot === undefined || Date.parse(slot.until) >= until) return undefined;
  return { ...quota, running: { ...quota.running, [runId]: { ...slot, until: new Date(until).toISOString() } } };
}
