import type { OrgIdentity } from "#shared/access/caller.ts";
import type { EffectiveSubscription } from "#shared/plans/subscription.ts";
import type { Snapshot } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import { emptyQuota, type QuotaDocument, rolled } from "./quota.ts";
import { quotaHistoryRow } from "./quota-history.ts";
import { providerUse, withWarnings } from "./quota-warning.ts";
import { quotaPath } from "./reserve.ts";

/** Sends and remembers the warning that the number of connected providers is due. The quota document, read in this transaction, is written only then. */
export function warnOfProviders(
  org: OrgIdentity,
  read: { quota: Snapshot<QuotaDocument>; providers: number; subscription: EffectiveSubscription },
  change: Change,
): void {
  const { limits } = read.subscription;
  const now = read.quota.readAt;
  const counters = rolled(read.quota.body ?? emptyQuota(now), now);
  const quota = withWarnings(org, counters, [providerUse(read.providers, limits, now)], change);
  if (quota === counters) return;
  change.set<QuotaDocument>(quotaPath(org), quota);
  change.history(quotaHistoryRow(org, quota, limits, { version: read.quota.version + 1, now }));
}
