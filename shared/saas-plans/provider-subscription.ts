import type { OrgIdentity } from "#shared/access/caller.ts";
import { type ChargedTerms, type ChargedVersion, isLive } from "./plan.ts";

export const billingPeriods = ["weekly", "monthly", "quarterly", "yearly", "pay_as_you_go"] as const;
export const tierTypes = ["free", "trial", "paid", "enterprise", "committed_use"] as const;
export const limitNames = [
  "monthly_token_limit",
  "daily_token_limit",
  "rpm_limit",
  "tpm_limit",
  "rpd_limit",
  "tpd_limit",
  "concurrent_limit",
] as const;

/** What the organization has agreed with a provider, in the provider's words. Decimals are text. */
export interface Agreement {
  /** The whole price of a month; else a unit's price of a period, times a quantity. */
  monthlyCost: string | null;
  unitPrice: string | null;
  quantity: number | null;
  billingPeriod: (typeof billingPeriods)[number];
  yearlyPrice: string | null;
  discountPercentage: string | null;
  yearlyDiscountPercentage: string | null;
  currency: string;
  tierType: (typeof tierTypes)[number];
  trialEndDate: string | null;
  trialCreditUsd: string | null;
  limits: Partial<Record<(typeof limitNames)[number], number | null>>;
  committedSpendUsd: string | null;
  commitmentTermMonths: number | null;
  notes: string | null;
  hierarchyEntityId: string | null;
}

/** One version of an agreement, with what its days are charged by. */
export interface ProviderSubscriptionVersion extends ChargedVersion {
  agreement: Agreement;
  createdAt: string;
  createdBy: string;
  updatedAt: string;
}

/** Document `orgs/{key}/providerSubscriptions/{subscriptionId}`: the organization's own tier or plan with a provider. */
export interface ProviderSubscriptionDocument {
  subscriptionId: string;
  provider: string;
  name: string;
  /** False for what was seeded. */
  isCustom: boolean;
  /** In the order they were written; none is ever removed. */
  versions: ProviderSubscriptionVersion[];
}

export function providerSubscriptionPath(org: OrgIdentity, subscriptionId: string): string {
  return `orgs/${org.key}/providerSubscriptions/${subscriptionId}`;
}

const cycleOfPeriod = {
  weekly: "weekly",
  monthly: "monthly",
  quarterly: "quarterly",
  yearly: "annual",
  pay_as_you_go: "monthly",
} as const;

export const monthsOfPeriod: Readonly<Record<Agreement["billingPeriod"], number | undefined>> = {
  weekly: undefined,
  monthly: 1,
  quarterly: 3,
  yearly: 12,
  pay_as_you_go: 1,
};

type AgreedTerms = Pick<
  ChargedTerms,
  "pricingModel" | "unitPrice" | "yearlyPrice" | "billingCycle" | "seats" | "discountType" | "discountValue"
>;

/**
 * How an agreement is charged. Usage that is billed as it comes has no seats and so no rows; a price that nobody stated
 * is unknown, not 0, unless the tier is free. `cyclePrice` is the monthly cost of a whole period.
 */
export function agreedTerms(agreement: Agreement, cyclePrice: string | null): AgreedTerms {
  const { billingPeriod, unitPrice, quantity, yearlyPrice, tierType } = agreement;
  const isPriced = cyclePrice !== null || unitPrice !== null || yearlyPrice !== null;
  const isFree = !isPriced && (tierType === "free" || tierType === "trial");
  const isByUsage = billingPeriod === "pay_as_you_go" || (!isPriced && agreement.committedSpendUsd !== null);
  const isYearly = billingPeriod === "yearly";
  const percent = (isYearly ? agreement.yearlyDiscountPercentage : null) ?? agreement.discountPercentage;
  return {
    pricingModel: cyclePrice === null && quantity !== null ? "PER_SEAT" : "FLAT_FEE",
    unitPrice: isFree ? "0" : (cyclePrice ?? unitPrice),
    yearlyPrice: isYearly ? yearlyPrice : null,
    billingCycle: cycleOfPeriod[billingPeriod],
    seats: isByUsage ? 0 : cyclePrice === null ? (quantity ?? 1) : 1,
    discountType: percent === null || Number(percent) === 0 ? null : "percent",
    discountValue: percent,
  };
}

/** The version in force on a day, else the next one, else the newest that was not withdrawn. */
export function currentVersion(
  { versions }: Pick<ProviderSubscriptionDocument, "versions">,
  today: string,
): ProviderSubscriptionVersion | undefined {
  const chain = versions.filter(isLive).sort((a, b) => (a.startDate < b.startDate ? -1 : 1));
  const inForce = chain.find(({ startDate, endDate }) => startDate <= today && (endDate === null || today <= endDate));
  const standing = versions.filter(({ withdrawnAt }) => withdrawnAt === null);
  return inForce ?? chain.find(({ startDate }) => startDate > today) ?? chain.at(-1) ?? standing.at(-1);
}

/** Two names that differ in case only are one. */
export function nameKey(name: string): string {
  return name.normalize("NFC").trim().toLowerCase();
}
