import { announceEntitlements, applySubscription, readSubscription } from "#shared/billing/apply-subscription.ts";
import { plans } from "#shared/plans/plans.ts";
import { afterTrial, effectiveSubscription, isChargedByStripe } from "#shared/plans/subscription.ts";
import type { AuditEntry, Change } from "#shared/runtime/change.ts";
import type { Settled } from "#shared/timers/take-due.ts";
import type { TimerDocument } from "#shared/timers/timers.ts";
import { type OrgDocument, orgPath } from "./organization.ts";

const stripePatienceMilliseconds = 86_400_000;

/** Makes the end of a local trial durable: FREE and ACTIVE, overrides gone. One that Stripe charges for waits for Stripe. */
export async function endTrial(timer: TimerDocument, change: Change): Promise<Settled> {
  const read = await readEnding(timer, change);
  if (read === undefined) return "done";
  const { org, subscription, catalogue, trialUsed } = read;
  const { body: stored, readAt: now } = subscription;
  if (stored?.status !== "TRIAL" || stored.trialEndsAt === null) return "done";
  const end = Date.parse(stored.trialEndsAt);
  if (end > now.getTime()) return { again: stored.trialEndsAt };
  if (isChargedByStripe(stored)) {
    const patienceEnds = end + stripePatienceMilliseconds;
    if (patienceEnds > now.getTime()) return { again: new Date(patienceEnds).toISOString() };
    announceEntitlements(org, effectiveSubscription(stored, catalogue, now), change);
    return "done";
  }
  const next = afterTrial(stored, now);
  applySubscription(org, subscription, next, { change, catalogue, trialUsed });
  const details = { old: { plan_name: stored.plan, status: stored.status, overrides: stored.overrides } };
  change.audit(
    bySystem(read, { action: "subscription.trial_expired", details: { ...details, new: { plan_name: "FREE" } } }),
  );
  return "written";
}

/** Records what time alone has made of a subscription - a grace or a contract that is over - and tells other areas. */
export async function recordEnd(timer: TimerDocument, change: Change): Promise<Settled> {
  const read = await readEnding(timer, change);
  if (read?.subscription.body === undefined) return "done";
  const { org, subscription, catalogue, trialUsed } = read;
  const stored = read.subscription.body;
  const { status, canRun } = effectiveSubscription(stored, catalogue, subscription.readAt);
  if (canRun) return "done";
  applySubscription(org, subscription, stored, { change, catalogue, trialUsed });
  const action = timer.kind === "grace-end" ? "subscription.grace_ended" : "subscription.expired";
  change.audit(bySystem(read, { action, details: { stored_status: stored.status, status } }));
  return "written";
}

/** Tells other areas that an organization without a running subscription may read no longer. */
export async function announceReadOnlyEnd(timer: TimerDocument, change: Change): Promise<Settled> {
  const read = await readEnding(timer, change);
  if (read === undefined) return "done";
  const { org, subscription, catalogue } = read;
  const effective = effectiveSubscription(subscription.body, catalogue, subscription.readAt);
  if (!effective.canRead) announceEntitlements(org, effective, change);
  return "done";
}

async function readEnding({ org: key }: TimerDocument, change: Change) {
  if (key === null) return undefined;
  const { body } = await change.get<OrgDocument>(orgPath(key));
  if (body?.state !== "ACTIVE") return undefined;
  const org = { slug: body.slug, key, orgId: body.orgId };
  const subscription = await readSubscription(org, change);
  return { org, subscription, catalogue: await plans(), trialUsed: body.trialUsed };
}

type Ending = NonNullable<Awaited<ReturnType<typeof readEnding>>>;

function bySystem(
  { org, subscription }: Ending,
  { action, details }: Pick<AuditEntry, "action" | "details">,
): AuditEntry {
  return {
    org,
    actorKind: "system",
    apiKeyId: null,
    userId: null,
    action,
    operation: "UPDATE",
    resourceType: "subscription",
    resourceId: subscription.body?.subscriptionId ?? null,
    details,
    ipAddress: null,
    userAgent: null,
    requestId: null,
    status: "SUCCESS",
    errorMessage: null,
  };
}
