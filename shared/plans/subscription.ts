import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Entitlements, PlanLimits, PlanName, Plans } from "./plans.ts";

export function subscriptionPath(org: Pick<OrgIdentity, "key">): string {
  return `orgs/${org.key}/subscription/current`;
}

export const subscriptionStatuses = ["ACTIVE", "TRIAL", "SUSPENDED", "CANCELLED", "EXPIRED"] as const;
export type SubscriptionStatus = (typeof subscriptionStatuses)[number];

/** Document `orgs/{key}/subscription/current`. Never trusted alone: `effectiveSubscription` is its only reader. */
export interface SubscriptionDocument {
  subscriptionId: string;
  plan: PlanName;
  status: SubscriptionStatus;
  /** Deletion is requested: nothing runs any more. */
  hold: boolean;
  /** A named limit wins over every plan, also null and 0, until it is reset. */
  overrides: Partial<PlanLimits>;
  /** Kept when the trial is over. */
  trialEndsAt: string | null;
  graceEndsAt: string | null;
  /** `YYYY-MM-DD`, the last day of it. */
  endDate: string | null;
  /** Stripe's own word; absent where Stripe never spoke. */
  billingStatus?: string | null;
  /** Until when reads go on after a status that was set, not reached by time. */
  readOnlyUntil?: string | null;
  /** Only where Stripe charges for it. */
  stripe?: { subscriptionId: string | null } | null;
}

export interface EffectiveSubscription {
  plan: PlanName;
  status: SubscriptionStatus;
  /** Stripe's own word. */
  billingStatus: string | null;
  limits: PlanLimits;
  /** Of the limits those that win over the plan. */
  overrides: Partial<PlanLimits>;
  entitlements: Entitlements;
  /** Of the plan in force. */
  requestsPerMinute: number;
  /** Runs, ingest and everything new: ACTIVE or TRIAL. */
  canRun: boolean;
  /** End of the 30 days in which an organization that cannot run still reads; null while it runs, or when nobody knows. */
  readOnlyUntil: string | null;
  /** Without an end that is known reads go on: only a past end stops them. */
  canRead: boolean;
}

const dayMilliseconds = 86_400_000;
/** How long the end of a trial with a Stripe subscription waits for what Stripe says. */
const stripePatienceMilliseconds = dayMilliseconds;
/** How long reads go on once runs do not. */
export const readOnlyMilliseconds = 30 * dayMilliseconds;

/**
 * What a stored subscription means at `now` (UTC). A record that is missing or not understood is SUSPENDED, never ACTIVE.
 * A local trial that is over leaves the plan FREE without overrides. Source: `organizations.md` 5.
 */
export function effectiveSubscription(
  stored: SubscriptionDocument | undefined,
  catalogue: Plans,
  now: Date,
): EffectiveSubscription {
  if (stored === undefined || !isReadable(stored, catalogue)) return unreadable(catalogue);
  const settled = afterTrial(stored, now);
  const { plan, overrides } = settled;
  const { status, since } = statusAt(settled, now);
  const canRun = status === "ACTIVE" || status === "TRIAL";
  const readOnlyUntil = canRun ? null : (thirtyDaysAfter(since) ?? settled.readOnlyUntil ?? null);
  return {
    plan,
    status,
    billingStatus: settled.billingStatus ?? null,
    limits: { ...catalogue[plan].limits, ...overrides },
    overrides,
    entitlements: catalogue[plan].entitlements,
    requestsPerMinute: catalogue[plan].requests_per_minute,
    canRun,
    readOnlyUntil,
    canRead: canRun || readOnlyUntil === null || isBefore(now, readOnlyUntil),
  };
}

function unreadable(catalogue: Plans): EffectiveSubscription {
  const { limits, entitlements, requests_per_minute: requestsPerMinute } = catalogue.FREE;
  const gates = { canRun: false, readOnlyUntil: null, canRead: true };
  const status = { plan: "FREE", status: "SUSPENDED", billingStatus: null } as const;
  return { ...status, limits, overrides: {}, entitlements, requestsPerMinute, ...gates };
}

function thirtyDaysAfter(since: number | null): string | null {
  return since === null ? null : new Date(since + readOnlyMilliseconds).toISOString();
}

/**
 * The record as it is once the end of a local trial is made durable: FREE and ACTIVE, overrides gone, the end kept. Any
 * other record is answered as it is. Who changes a subscription starts from this, so that a timer's delay changes nothing.
 */
export function afterTrial(stored: SubscriptionDocument, now: Date): SubscriptionDocument {
  const isLocalTrial = stored.status === "TRIAL" && !isChargedByStripe(stored);
  if (!isLocalTrial || stored.trialEndsAt === null || isBefore(now, stored.trialEndsAt)) return stored;
  return { ...stored, plan: "FREE", status: "ACTIVE", overrides: {} };
}

/** Whether a Stripe subscription stands behind it: then plans are changed there. */
export function isChargedByStripe({ stripe }: SubscriptionDocument): boolean {
  return (stripe?.subscriptionId ?? null) !== null;
}

/** The status, and since when (milliseconds) where time alone has brought it. */
function statusAt(stored: SubscriptionDocument, now: Date): { status: SubscriptionStatus; since: number | null } {
  const { status, endDate, trialEndsAt, graceEndsAt } = stored;
  if (stored.hold) return { status: "SUSPENDED", since: null };
  if (endDate !== null && now.toISOString().slice(0, 10) > endDate)
    return { status: "EXPIRED", since: Date.parse(endDate) + dayMilliseconds };
  if (status === "TRIAL" && trialEndsAt !== null) {
    const patienceEnds = Date.parse(trialEndsAt) + (isChargedByStripe(stored) ? stripePatienceMilliseconds : 0);
    return now.getTime() < patienceEnds ? { status, since: null } : { status: "SUSPENDED", since: patienceEnds };
  }
  if (status === "SUSPENDED" && graceEndsAt !== null)
    return isBefore(now, graceEndsAt) ? { status: "ACTIVE", since: null } : { status, since: Date.parse(graceEndsAt) };
  return { status, since: null };
}

function isReadable(stored: SubscriptionDocument, catalogue: Plans): boolean {
  const { plan, status, overrides, trialEndsAt, graceEndsAt, endDate, readOnlyUntil = null } = stored;
  return (
    Object.hasOwn(catalogue, plan) &&
    subscriptionStatuses.includes(status) &&
    (status !== "TRIAL" || trialEndsAt !== null) &&
    [trialEndsAt, graceEndsAt, endDate, readOnlyUntil].every(
      (time) => time === null || !Number.isNaN(Date.parse(time)),
    ) &&
    typeof overrides === "object" &&
    overrides !== null &&
    Object.values(overrides).every((limit) => limit === null || Number.isSafeInteger(limit))
  );
}

function isBefore(now: Date, instant: string | null): boolean {
  return instant !== null && now.getTime() < Date.parse(instant);
}
