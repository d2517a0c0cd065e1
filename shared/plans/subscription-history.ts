import type { OrgIdentity } from "#shared/access/caller.ts";
import type { HistoryEntry } from "#shared/runtime/change.ts";
import type { EffectiveSubscription, SubscriptionDocument } from "./subscription.ts";

interface Recorded {
  /** The document's version after the change. */
  version: number;
  createdAt: string | undefined;
  now: Date;
}

/** One row of `org_subscriptions`: the record after a committed change, with its limits at that moment. */
export function subscriptionHistory(
  org: OrgIdentity,
  subscription: SubscriptionDocument,
  { limits }: EffectiveSubscription,
  at: Recorded,
): HistoryEntry {
  return {
    table: "org_subscriptions",
    operation: at.version === 1 ? "CREATE" : "UPDATE",
    version: at.version,
    row: {
      subscription_id: subscription.subscriptionId,
      org_slug: org.slug,
      plan_name: subscription.plan,
      status: subscription.status,
      billing_status: subscription.billingStatus ?? null,
      daily_limit: limits.daily,
      monthly_limit: limits.monthly,
      concurrent_limit: limits.concurrent,
      seat_limit: limits.seats,
      providers_limit: limits.providers,
      overrides: subscription.overrides,
      trial_end_date: trialEndDate(subscription),
      trial_ends_at: subscription.trialEndsAt,
      grace_ends_at: subscription.graceEndsAt,
      subscription_end_date: subscription.endDate,
      created_at: at.createdAt ?? at.now.toISOString(),
      updated_at: at.now.toISOString(),
    },
  };
}

/** The last UTC day that a trial covers, in whole or in part. */
export function trialEndDate({ trialEndsAt }: Pick<SubscriptionDocument, "trialEndsAt">): string | null {
  return trialEndsAt === null ? null : new Date(Date.parse(trialEndsAt) - 1).toISOString().slice(0, 10);
}
