import { isPlatformScope } from "#shared/access/platform-scope.ts";
import { type CredentialDocument, credentialPath } from "#shared/integrations/credential.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import { type Plans, plans } from "#shared/plans/plans.ts";
import {
  type EffectiveSubscription,
  effectiveSubscription,
  type SubscriptionDocument,
  subscriptionPath,
} from "#shared/plans/subscription.ts";
import { emptyQuota, extended, type Limits, type QuotaDocument, rolled } from "#shared/quotas/quota.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import { type Change, commitChange } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { subscriptionInactive } from "#shared/runtime/subscription-gate.ts";
import type { EnginePorts } from "./engine-ports.ts";
import { ownerOf, type RunOwner, standingCredential } from "./own-pipelines.ts";
import {
  assertMove,
  isTerminal,
  maximumRecoveries,
  type RunDocument,
  type RunIndexDocument,
  type SourceDocument,
} from "./run.ts";
import { recordRun, withTransition } from "./run-history.ts";
import { runIndexPath, runPath, sourcePath } from "./run-paths.ts";
import { waitForSlot } from "./wait-for-slot.ts";

export const leaseSeconds = 120;
/** A lease is only dead when it is this long over: clocks of instances differ. */
const leaseGraceSeconds = 30;

/** A claimed run with what was read beside it. */
export interface Claim {
  run: RunDocument;
  org: RunOwner;
  credential: CredentialDocument;
}

export type ClaimResult =
  | { kind: "claimed"; claim: Claim }
  /** Nothing to do: terminal, held by another, parked, gone. */
  | { kind: "nothing" }
  /** The run cannot go on and has to be finished. */
  | { kind: "failed"; run: RunDocument; error: AppError };

/**
 * Takes the run under a lease with a new fence (T2 of `pipelines.md` 6). The fence belongs to the source, so that rows
 * of different runs can be compared; only the store's clock decides whether a lease is alive.
 */
export async function claimRun(asked: Asked, ports: EnginePorts): Promise<ClaimResult> {
  const catalogue = await plans();
  return commitChange((change) => claim({ ...asked, catalogue }, change), ports);
}

interface Asked {
  orgKey: string;
  runId: string;
  holder: string;
  /** Continuations of the run when its message was sent: an older message wakes nobody. */
  seq?: number | undefined;
}

async function claim(asked: Asked & { catalogue: Plans }, change: Change): Promise<ClaimResult> {
  const stored = await change.get<RunDocument>(runPath(asked.orgKey, asked.runId));
  const run = stored.body;
  if (run === undefined || !isWaitingForWork(run, asked.seq, stored.readAt)) return { kind: "nothing" };
  const source = sourcePath(run.org, run.pipelineId, run.credentialId);
  const paths = [
    orgPath(run.org.key),
    credentialPath(run.org, run.credentialId),
    subscriptionPath(run.org),
    quotaPath(run.org),
    source,
    runIndexPath(run.runId),
  ];
  const [org, credential, subscription, quota, fences, index] = await change.getAll<object>(paths);
  const orgBody = ownerOf(run, org?.body as OrgDocument | undefined);
  if (orgBody?.state !== "ACTIVE" || orgBody.orgId !== run.org.orgId) return { kind: "nothing" };
  const now = stored.readAt;
  const effective = effectiveSubscription(subscription?.body as SubscriptionDocument | undefined, asked.catalogue, now);
  const credentialBody = standingCredential(run, credential?.body as CredentialDocument | undefined);
  const refusal = refusalOf(run, credentialBody, effective, now);
  if (refusal !== undefined) return { kind: "failed", run, error: refusal };
  const slot = slotOf(run, quota?.body as QuotaDocument | undefined, effective.limits, now);
  if (slot === undefined) {
    waitForSlot({ ...stored, body: run }, index?.body as RunIndexDocument | undefined, change);
    return { kind: "nothing" };
  }
  if (slot.isChanged) change.set<QuotaDocument>(quotaPath(run.org), slot.quota);
  const sourceBody = (fences?.body as SourceDocument | undefined) ?? {
    fence: 0,
    lastSuccessAt: null,
    coveredThrough: null,
    failures: 0,
  };
  change.set<SourceDocument>(source, { ...sourceBody, fence: sourceBody.fence + 1 });
  const claimed = claimedRun(run, { holder: asked.holder, fence: sourceBody.fence + 1, now }, change);
  change.set<RunDocument>(runPath(run.org.key, run.runId), claimed);
  recordRun(claimed, stored.version + 1, change);
  setNextCheck(claimed, index?.body as RunIndexDocument | undefined, after(now, leaseSeconds + 60), change);
  return { kind: "claimed", claim: { run: claimed, org: orgBody, credential: credentialBody as CredentialDocument } };
}

/** The slot kept alive or taken anew; undefined when none is free. A run that does not count needs none. */
function slotOf(
  run: RunDocument,
  quota: QuotaDocument | undefined,
  limits: Limits,
  now: Date,
): { quota: QuotaDocument; isChanged: boolean } | undefined {
  const counters = rolled(quota ?? emptyQuota(now), now);
  return run.isCounted ? extended(counters, run.runId, limits, now) : { quota: counters, isChanged: false };
}

/** Not ended, held by nobody, not parked, not in the queue, not an executor's outside; and the message is not an old one. */
function isWaitingForWork(run: RunDocument, seq: number | undefined, now: Date): boolean {
  if (isTerminal(run.status) || isHeld(run, now) || isParked(run, now)) return false;
  if (run.triggerType === "external" || run.queueState === "waiting_slot") return false;
  return seq === undefined || seq >= run.continuations;
}

function refusalOf(
  run: RunDocument,
  credential: CredentialDocument | undefined,
  subscription: EffectiveSubscription,
  now: Date,
): AppError | undefined {
  if (run.cancel !== null) return new AppError("CANCELLED", run.cancel.reason);
  if (credential === undefined) return new AppError("CREDENTIAL_GONE", "The credential was deleted.");
  if (run.claims === 0 && !subscription.canRun && !isPlatformScope(run.org)) return subscriptionInactive(subscription);
  if (Date.parse(run.deadlineAt) <= now.getTime())
    return new AppError("RUN_TIMEOUT", `The run did not end within ${run.config.timeout_seconds} s.`);
  // Only a dead lease is one more: who was handed on, or has waited for a slot, is not taken over again.
  if (run.lease !== null && run.recoveries >= maximumRecoveries)
    return new AppError("CRASH_LOOP", `The run was taken over ${run.recoveries} times after its process ended.`);
  return undefined;
}

function claimedRun(
  run: RunDocument,
  claim: { holder: string; fence: number; now: Date },
  change: Change,
): RunDocument {
  assertMove(run.status, "RUNNING");
  const isRecovery = run.lease !== null;
  const next: RunDocument = {
    ...run,
    status: "RUNNING",
    lease: { holder: claim.holder, expiresAt: after(claim.now, leaseSeconds) },
    fence: claim.fence,
    claims: run.claims + 1,
    recoveries: run.recoveries + (isRecovery ? 1 : 0),
    wakeAt: null,
    startedAt: run.startedAt ?? claim.now.toISOString(),
  };
  const reason = isRecovery ? "taken over after a dead lease" : run.claims === 0 ? "claimed" : "woken";
  return withTransition(next, { from: run.status, to: "RUNNING", reason }, change);
}

/**
 * Keeps the lease and the slot alive (T3). Answers false when the run is not ours any more: another holder, ended,
 * cancelled, or its credential is gone. Then nothing more may be written for it.
 */
export async function renewLease(run: RunDocument, ports: EnginePorts): Promise<boolean> {
  const catalogue = await plans();
  return commitChange(async (change) => {
    const stored = await change.get<RunDocument>(runPath(run.org.key, run.runId));
    const paths = [
      quotaPath(run.org),
      subscriptionPath(run.org),
      credentialPath(run.org, run.credentialId),
      runIndexPath(run.runId),
    ];
    const [quota, subscription, credential, index] = await change.getAll<object>(paths);
    const standing = standingCredential(run, credential?.body as CredentialDocument | undefined);
    if (!isStillOurs(run, stored.body) || standing === undefined) return false;
    const now = stored.readAt;
    const effective = effectiveSubscription(subscription?.body as SubscriptionDocument | undefined, catalogue, now);
    const slot = slotOf(run, quota?.body as QuotaDocument | undefined, effective.limits, now);
    if (slot?.isChanged) change.set<QuotaDocument>(quotaPath(run.org), slot.quota);
    change.set<RunDocument>(runPath(run.org.key, run.runId), {
      ...stored.body,
      lease: { holder: run.lease?.holder ?? "", expiresAt: after(now, leaseSeconds) },
    });
    setNextCheck(run, index?.body as RunIndexDocument | undefined, after(now, leaseSeconds + 60), change);
    return true;
  }, ports);
}

/** True while the run stands as this holder claimed it, nobody asked for its end, and the fence is ours. */
export function isStillOurs(mine: RunDocument, stored: RunDocument | undefined): stored is RunDocument {
  return (
    stored?.status === "RUNNING" &&
    stored.fence === mine.fence &&
    stored.lease?.holder === mine.lease?.holder &&
    stored.cancel === null
  );
}

export function isHeld(run: RunDocument, now: Date): boolean {
  return run.lease !== null && now.getTime() <= Date.parse(run.lease.expiresAt) + leaseGraceSeconds * 1000;
}

export function setNextCheck(
  run: RunDocument,
  index: RunIndexDocument | undefined,
  nextCheckAt: string,
  change: Change,
): void {
  if (index !== undefined)
    change.set<RunIndexDocument>(runIndexPath(run.runId), { ...index, status: run.status, nextCheckAt });
}

function isParked(run: RunDocument, now: Date): boolean {
  return run.wakeAt !== null && Date.parse(run.wakeAt) > now.getTime();
}

function after(now: Date, seconds: number): string {
  return new Date(now.getTime() + seconds * 1000).toISOString();
}
