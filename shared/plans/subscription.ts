import type { OrgIdentity } from "#shared/access/caller.ts";
import type { PlanLimits, PlanName, Plans } from "./plans.ts";

export function subscriptionPath(org: OrgIdentity): string {
  return `orgs/${org.key}/subscription/current`;
}

const statuses = ["ACTIVE", "TRIAL", "SUSPENDED", "CANCELLED", "EXPIRED"] as const;
export type SubscriptionStatus = (typeof statuses)[number];

/** Document `orgs/{key}/subscription/current`. Never trusted alone: `effectiveSubscription` is its only reader. */
export interface SubscriptionDocument {
  subscriptionId: string;
  plan: PlanName;
  status: SubscriptionStatus;
  hold: boolean;
  /** A named limit wins over every plan, also null and 0, until it is reset. */
  overrides: Partial<PlanLimits>;
  trialEndsAt: string | null;
  graceEndsAt: string | null;
  /** `YYYY-MM-DD`, the last day of it. */
  endDate: string | null;
  /** Only where Stripe charges for it. */
  stripe?: { subscriptionId: string | null } | null;
}

export interface EffectiveSubscription {
  plan: PlanName;
  status: SubscriptionStatus;
  limits: PlanLimits;
  canRun: boolean;
}

/** How long the end of a trial with a Stripe subscription waits for what Stripe says. */
const stripePatienceMilliseconds = 24 * 3_600_000;

/**
 * What a stored subscription means at `now` (UTC). A record that is missing or not understood is SUSPENDED, never ACTIVE.
 * A local trial that is over leaves the plan FREE without overrides. Source: `organizations.md` 5.
 */
export function effectiveSubscription(
  stored: SubscriptionDocument | undefined,
  catalogue: Plans,
  now: Date,
): EffectiveSubscription {
  if (stored === undefined || !isReadable(stored, catalogue)) {
    return { plan: "FREE", status: "SUSPENDED", limits: catalogue.FREE.limits, canRun: false };
  }
  const status = effectiveStatus(stored, now);
  const isTrialOver = stored.status === "TRIAL" && status === "ACTIVE";
  const plan = isTrialOver ? "FREE" : stored.plan;
  const limits = { ...catalogue[plan].limits, ...(isTrialOver ? {} : stored.overrides) };
  return { plan, status, limits, canRun: status === "ACTIVE" || status === "TRIAL" };
}

function effectiveStatus(stored: SubscriptionDocument, now: Date): SubscriptionStatus {
  if (stored.hold) return "SUSPENDED";
  if (stored.endDate !== null && now.toISOString().slice(0, 10) > stored.endDate) return "EXPIRED";
  if (stored.status === "TRIAL") return trialStatus(stored, now);
  if (stored.status === "SUSPENDED") return isBefore(now, stored.graceEndsAt) ? "ACTIVE" : "SUSPENDED";
  return stored.status;
}

function trialStatus({ trialEndsAt, stripe }: SubscriptionDocument, now: Date): SubscriptionStatus {
  if (isBefore(now, trialEndsAt)) return "TRIAL";
  if ((stripe?.subscriptionId ?? null) === null) return "ACTIVE";
  return isBefore(new Date(now.getTime() - stripePatienceMilliseconds), trialEndsAt) ? "TRIAL" : "SUSPENDED";
}

function isReadable(stored: SubscriptionDocument, catalogue: Plans): boolean {
  const { plan, status, overrides, trialEndsAt, graceEndsAt, endDate } = stored;
  return (
    Object.hasOwn(catalogue, plan) &&
    statuses.includes(status) &&
    (status !== "TRIAL" || trialEndsAt !== null) &&
    [trialEndsAt, graceEndsAt, endDate].every((time) => time === null || !Number.isNaN(Date.parse(time))) &&
    typeof overrides === "object" &&
    overrides !== null &&
    Object.values(overrides).every((limit) => limit === null || Number.isSafeInteger(limit))
  );
}

function isBefore(now: Date, instant: string | null): boolean {
  return instant !== null && now.getTime() < Date.parse(instant);
}
