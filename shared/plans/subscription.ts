import type { OrgIdentity } from "#shared/access/caller.ts";
import type { PlanLimits, PlanName, Plans } from "./plans.ts";

export function subscriptionPath(org: OrgIdentity): string {
  return `orgs/${org.key}/subscription/current`;
}

export type SubscriptionStatus = "ACTIVE" | "TRIAL" | "SUSPENDED" | "CANCELLED" | "EXPIRED";

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
}

export interface EffectiveSubscription {
  plan: PlanName;
  status: SubscriptionStatus;
  limits: PlanLimits;
  canRun: boolean;
}

/** What a stored subscription means at `now` (UTC). A record that is missing or not understood is SUSPENDED, never ACTIVE. */
export function effectiveSubscription(
  stored: SubscriptionDocument | undefined,
  catalogue: Plans,
  now: Date,
): EffectiveSubscription {
  const status = stored === undefined ? "SUSPENDED" : effectiveStatus(stored, now);
  const isTrialOver = stored?.status === "TRIAL" && status === "ACTIVE";
  const plan = stored === undefined || isTrialOver ? "FREE" : stored.plan;
  const overrides = stored === undefined || isTrialOver ? {} : stored.overrides;
  const limits = { ...(catalogue[plan] ?? catalogue.FREE).limits, ...overrides };
  return { plan, status, limits, canRun: status === "ACTIVE" || status === "TRIAL" };
}

function effectiveStatus(stored: SubscriptionDocument, now: Date): SubscriptionStatus {
  if (stored.hold) return "SUSPENDED";
  if (stored.endDate !== null && now.toISOString().slice(0, 10) > stored.endDate) return "EXPIRED";
  if (stored.status === "TRIAL") return isBefore(now, stored.trialEndsAt) ? "TRIAL" : "ACTIVE";
  if (stored.status === "SUSPENDED") return isBefore(now, stored.graceEndsAt) ? "ACTIVE" : "SUSPENDED";
  return stored.status === "ACTIVE" || stored.status === "CANCELLED" || stored.status === "EXPIRED"
    ? stored.status
    : "SUSPENDED";
}

function isBefore(now: Date, instant: string | null): boolean {
  return instant !== null && now.getTime() < Date.parse(instant);
}
