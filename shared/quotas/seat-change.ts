import type { OrgIdentity } from "#shared/access/caller.ts";
import { plans } from "#shared/plans/plans.ts";
import {
  type EffectiveSubscription,
  effectiveSubscription,
  type SubscriptionDocument,
  subscriptionPath,
} from "#shared/plans/subscription.ts";
import type { Change } from "#shared/runtime/change.ts";
import { emptyQuota, type QuotaDocument, rolled } from "./quota.ts";
import { quotaHistoryRow } from "./quota-history.ts";
import { seatUse, withWarnings } from "./quota-warning.ts";
import { quotaPath } from "./reserve.ts";
import { seatsOf } from "./seats.ts";

/** The seats of an organization as one transaction has read them. */
export interface ReadSeats {
  org: OrgIdentity;
  quota: QuotaDocument;
  version: number;
  subscription: EffectiveSubscription;
  /** The store's clock. */
  now: Date;
}

/** Reads what decides about seats; whoever takes or frees one does it in the same transaction, so seats are exact. */
export async function readSeats(org: OrgIdentity, change: Change): Promise<ReadSeats> {
  const [stored, subscription] = await change.getAll<object>([quotaPath(org), subscriptionPath(org)]);
  const now = stored?.readAt ?? change.now;
  const quota = rolled((stored?.body as QuotaDocument | undefined) ?? emptyQuota(now), now);
  const effective = effectiveSubscription(subscription?.body as SubscriptionDocument | undefined, await plans(), now);
  return { org, quota, version: stored?.version ?? 0, subscription: effective, now };
}

/**
 * Writes the seats after a change, with its history row and, where it has taken a seat, the warning that is due: once per
 * UTC month and level.
 */
export function writeSeats(read: ReadSeats, next: QuotaDocument, change: Change): void {
  const { org, now, version, subscription } = read;
  // Who joins in the place an invite held takes none: the first owner of a plan of one seat is no warning.
  const isTaken = seatsOf(next, now).used > seatsOf(read.quota, now).used;
  const quota = isTaken ? withWarnings(org, next, [seatUse(next, subscription.limits, now)], change) : next;
  change.set<QuotaDocument>(quotaPath(org), quota);
  change.history(quotaHistoryRow(org, quota, subscription.limits, { version: version + 1, now }));
}
