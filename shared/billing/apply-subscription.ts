import type { OrgIdentity } from "#shared/access/caller.ts";
import { type Plans, planCurrency } from "#shared/plans/plans.ts";
import {
  type EffectiveSubscription,
  effectiveSubscription,
  readOnlyMilliseconds,
  type SubscriptionDocument,
  subscriptionPath,
} from "#shared/plans/subscription.ts";
import { subscriptionHistory } from "#shared/plans/subscription-history.ts";
import type { Snapshot } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import { setOrgTimer, timerPath } from "#shared/timers/timers.ts";
import { accountBeside, type BillingAccount, billingAccountPath } from "./account.ts";

/** Payload of the message that tells other areas to read plan and status again. */
export interface EntitlementsChanged {
  /** Key of the organization. */
  org: string;
  plan: string;
  /** Effective, at the moment of the change. */
  status: string;
}

/** Timers that make durable, or announce, what a subscription's own times bring about. */
export const subscriptionTimers = ["trial-end", "grace-end", "contract-end", "read-only-end"] as const;

/** The record as one read found it, with the account beside it. */
export interface ReadSubscription extends Snapshot<SubscriptionDocument> {
  account: Snapshot<BillingAccount>;
  /** Of an account that begins. */
  currency: string;
}

/** What a change of a subscription goes by. */
interface Applying {
  change: Change;
  catalogue: Plans;
  /** As `orgs/{key}` says it. */
  trialUsed: boolean;
}

/** Reads what `applySubscription` writes; before the first write of the transaction. */
export async function readSubscription(org: OrgIdentity, change: Change): Promise<ReadSubscription> {
  const [subscription, account] = await change.getAll<object>([
    subscriptionPath(org),
    billingAccountPath(org),
    ...subscriptionTimers.map((kind) => timerPath(kind, org.key)),
  ]);
  if (subscription === undefined || account === undefined)
    throw new Error("the store answers fewer documents than it was asked for");
  return {
    ...(subscription as Snapshot<SubscriptionDocument>),
    account: account as Snapshot<BillingAccount>,
    currency: await planCurrency(),
  };
}

/**
 * The one way a subscription record is written: with the billing account, which tells the same story, its history row, its
 * timers and the message `entitlements-changed`. Reads end 30 days after the change that stops runs, and a record that
 * runs again has no such end. The audit row is the caller's, as is `orgs/{key}`, which takes `trialUsed` from the answer.
 * Source: `organizations.md` 5, `billing.md` 1 and 3.
 */
export function applySubscription(
  org: OrgIdentity,
  read: ReadSubscription,
  next: SubscriptionDocument,
  { change, catalogue, trialUsed }: Applying,
): { stored: SubscriptionDocument; trialUsed: boolean } {
  const now = read.readAt;
  const before = effectiveSubscription(read.body, catalogue, now);
  const after = effectiveSubscription(next, catalogue, now);
  const stored: SubscriptionDocument = { ...next, readOnlyUntil: readOnlyEnd(read.body, before, after, now) };
  change.set<SubscriptionDocument>(subscriptionPath(org), stored);
  const at = { version: read.version + 1, createdAt: read.createdAt, now };
  change.history(subscriptionHistory(org, stored, after, at));
  const ends = endsOf(stored, effectiveSubscription(stored, catalogue, now));
  for (const kind of subscriptionTimers) {
    const end = ends[kind];
    const dueAt = end !== null && Date.parse(end) > now.getTime() ? end : null;
    setOrgTimer({ kind, org: org.key, dueAt }, change);
  }
  announceEntitlements(org, after, change);
  // Where no account has noted it, the trial began with the record: there is none without.
  const trialBegan = trialUsed ? (read.createdAt ?? now.toISOString()) : null;
  const setting = { org, now, currency: read.currency, trialBegan };
  const account = accountBeside(stored, read.account.body, setting);
  change.set<BillingAccount>(billingAccountPath(org), account);
  return { stored, trialUsed: account.trialUsedAt !== null };
}

/** Tells other areas that plan or status is another one. */
export function announceEntitlements(
  org: OrgIdentity,
  { plan, status }: Pick<EffectiveSubscription, "plan" | "status">,
  change: Change,
): void {
  const payload: EntitlementsChanged = { org: org.key, plan, status };
  change.publish({ topic: "entitlements-changed", payload, attributes: {} }, org);
}

function endsOf(
  stored: SubscriptionDocument,
  { readOnlyUntil }: EffectiveSubscription,
): Record<(typeof subscriptionTimers)[number], string | null> {
  const { status, endDate } = stored;
  return {
    "trial-end": status === "TRIAL" ? stored.trialEndsAt : null,
    "grace-end": status === "SUSPENDED" ? stored.graceEndsAt : null,
    "contract-end": endDate === null ? null : new Date(Date.parse(endDate) + 86_400_000).toISOString(),
    "read-only-end": readOnlyUntil,
  };
}

function readOnlyEnd(
  stored: SubscriptionDocument | undefined,
  before: EffectiveSubscription,
  after: EffectiveSubscription,
  now: Date,
): string | null {
  if (after.canRun) return null;
  const begunBefore = stored === undefined || before.canRun ? null : before.readOnlyUntil;
  return begunBefore ?? new Date(now.getTime() + readOnlyMilliseconds).toISOString();
}
