import {
  type Agreement,
  agreedTerms,
  type ProviderSubscriptionDocument,
  type ProviderSubscriptionVersion,
} from "./provider-subscription.ts";
import { cyclePriceOf } from "./subscription-fields.ts";

/** A version with these terms and nothing after it; the first one has the subscription's own id. */
export function subscriptionVersion(
  { subscriptionId, provider, name, versions }: ProviderSubscriptionDocument,
  agreement: Agreement,
  days: { startDate: string; endDate: string | null; fiscalYearStartMonth: number; anchorDate?: string },
  { now, by }: { now: string; by: string },
): ProviderSubscriptionVersion {
  const version = versions.length + 1;
  const { startDate, endDate, fiscalYearStartMonth, anchorDate = startDate } = days;
  return {
    ...agreedTerms(agreement, cyclePriceOf(agreement)),
    subscriptionId: version === 1 ? subscriptionId : `${subscriptionId}_v${version}`,
    lineId: subscriptionId,
    ...{ version, provider, planName: name, displayName: name, category: null, contractId: null },
    currency: agreement.currency,
    ...{ cycleDays: null, cycleAlignment: "anniversary", billingAnchorDay: null, fiscalYearStartMonth, anchorDate },
    ...{ costSource: "manual", startDate, endDate, plannedEndDate: endDate, endedByHand: false },
    ...{ withdrawnAt: null, supersededOn: null, supersededBy: null },
    ...{ agreement, createdAt: now, createdBy: by, updatedAt: now },
  };
}
