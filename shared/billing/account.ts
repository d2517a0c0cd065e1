import type { OrgIdentity } from "#shared/access/caller.ts";
import type { PlanName } from "#shared/plans/plans.ts";
import { isChargedByStripe, type SubscriptionDocument } from "#shared/plans/subscription.ts";

/**
 * Document `orgs/{key}/billing/account`: how an organization pays. Tells the same story as the subscription record beside
 * it, which says what it may do. The store's version of it is the guard of what was read from Stripe. Source: `billing.md` 1.
 */
export interface BillingAccount {
  orgId: string;
  /** Who decides plan and status: Stripe, or the operator of the installation. */
  mode: "stripe" | "operator";
  /** A customer that is being made at Stripe, and under which key. */
  customerIntent: { stripeKey: string; at: string } | null;
  interval: "month" | "year" | null;
  /** ISO 4217, lower case as Stripe writes it. */
  currency: string;
  lookupKey: string | null;
  extraSeats: number;
  /** What is paid for now, or the trial that runs. */
  periodStartAt: string | null;
  periodEndAt: string | null;
  /** When it ends for good, as far as that is known. */
  cancelsAt: string | null;
  scheduledPlan: PlanName | null;
  scheduledAt: string | null;
  /** When the one trial of the organization began; set for ever, together with `trialUsed` of `orgs/{key}`. */
  trialUsedAt: string | null;
  firstPaidAt: string | null;
  pastDueSinceAt: string | null;
  openCheckoutId: string | null;
  paymentMethod: { brand: string; last4: string; expMonth: number; expYear: number } | null;
  /** A price at Stripe that no plan belongs to. */
  unknownPrice: string | null;
  /** When it was last read from Stripe. */
  fetchedAt: string | null;
}

/** What an account goes by beside itself and the record. */
export interface AccountSetting {
  org: OrgIdentity;
  now: Date;
  /** Of an account that begins; ISO 4217, lower case. */
  currency: string;
  /** When the organization's trial began, as far as others than the account know; null when it has had none. */
  trialBegan: string | null;
}

const dayMilliseconds = 86_400_000;

export function billingAccountPath(org: Pick<OrgIdentity, "key">): string {
  return `orgs/${org.key}/billing/account`;
}

/**
 * The account as it stands beside a subscription record: what Stripe said is kept while it charges for the record and gone
 * when it does not, when the period is the trial's and the end the contract's. `before`: undefined for an organization
 * without an account; one of another company that had the name is no account of this one.
 */
export function accountBeside(
  record: SubscriptionDocument,
  before: BillingAccount | undefined,
  by: AccountSetting,
): BillingAccount {
  const kept = before?.orgId === by.org.orgId ? before : emptyAccount(by);
  const began = by.trialBegan ?? (record.status === "TRIAL" ? by.now.toISOString() : null);
  const account: BillingAccount = { ...kept, trialUsedAt: kept.trialUsedAt ?? began };
  if (!isChargedByStripe(record)) return { ...account, ...withoutStripe(record, account) };
  const isOver = record.status === "CANCELLED";
  return { ...account, mode: "stripe", ...(isOver ? nothingAhead : {}) };
}

const nothingAhead = { cancelsAt: null, scheduledPlan: null, scheduledAt: null };

/** Nothing is sold to it: a trial has its period, a contract its end, and nothing else is owed or ahead. */
function withoutStripe(record: SubscriptionDocument, { trialUsedAt }: BillingAccount): Partial<BillingAccount> {
  const { status, endDate, trialEndsAt } = record;
  const isOnTrial = status === "TRIAL";
  const hasEnd = endDate !== null && status !== "CANCELLED";
  return {
    ...{ interval: null, lookupKey: null, extraSeats: 0, unknownPrice: null, pastDueSinceAt: null },
    ...nothingAhead,
    periodStartAt: isOnTrial ? trialUsedAt : null,
    periodEndAt: isOnTrial ? trialEndsAt : null,
    // The last day is part of the contract.
    cancelsAt: hasEnd ? new Date(Date.parse(endDate) + dayMilliseconds).toISOString() : null,
  };
}

function emptyAccount({ org, currency }: AccountSetting): BillingAccount {
  return {
    orgId: org.orgId,
    mode: "operator",
    customerIntent: null,
    interval: null,
    currency,
    lookupKey: null,
    extraSeats: 0,
    periodStartAt: null,
    periodEndAt: null,
    ...nothingAhead,
    trialUsedAt: null,
    firstPaidAt: null,
    pastDueSinceAt: null,
    openCheckoutId: null,
    paymentMethod: null,
    unknownPrice: null,
    fetchedAt: null,
  };
}
