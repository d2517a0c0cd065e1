import { plans } from "#shared/plans/plans.ts";
import { effectiveSubscription, type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import { emptyQuota, extended, type QuotaDocument, rolled } from "#shared/quotas/quota.ts";
import { quotaPath, type ReservePorts } from "#shared/quotas/reserve.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { type Admission, letIn } from "./let-in.ts";
import type { WaitingRunDocument } from "./new-run.ts";
import { isTerminal, type RunDocument, type RunIndexDocument } from "./run.ts";
import { runIndexPath, runPath, waitingRunPath } from "./run-paths.ts";

/**
 * Gives a run that has its unit, and whose slot ran out while it waited, a free slot, and wakes it (`organizations.md` 6:
 * extend). Only the first claim of a run asks for the subscription: this is none.
 */
export async function readmitRun(run: RunDocument, ports: ReservePorts): Promise<Admission> {
  const catalogue = await plans();
  const { org, runId } = run;
  return commitChange(async (change) => {
    const stored = await change.get<RunDocument>(runPath(org.key, runId));
    const index = await change.get<RunIndexDocument>(runIndexPath(runId));
    const waiting = await change.get<WaitingRunDocument>(waitingRunPath(org.key, runId));
    const quota = await change.get<QuotaDocument>(quotaPath(org));
    const subscription = await change.get<SubscriptionDocument>(subscriptionPath(org));
    const found = stored.body;
    if (found === undefined || index.body === undefined || isTerminal(found.status)) return "gone";
    if (found.queueState !== "waiting_slot" || waiting.body?.millisecondsLeft === undefined) return "gone";
    const now = stored.readAt;
    const { limits } = effectiveSubscription(subscription.body, catalogue, now);
    const slot = extended(rolled(quota.body ?? emptyQuota(now), now), runId, limits, now);
    if (slot === undefined) return "refused";
    if (slot.isChanged) change.set<QuotaDocument>(quota.path, slot.quota);
    const { millisecondsLeft } = waiting.body;
    letIn({ run: found, version: stored.version, readAt: now, index: index.body }, { millisecondsLeft }, change);
    return "admitted";
  }, ports);
}
