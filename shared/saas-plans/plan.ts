/** The vocabulary of plans that cost a known amount per cycle: SaaS plans and provider subscriptions alike. */
export const pricingModels = ["PER_SEAT", "FLAT_FEE"] as const;
export const billingCycles = ["monthly", "annual", "quarterly", "semi-annual", "weekly", "custom"] as const;
export const cycleAlignments = ["anniversary", "calendar", "fiscal"] as const;
export const discountTypes = ["percent", "fixed"] as const;
export const planStatuses = ["active", "pending", "expired", "cancelled"] as const;

export type BillingCycle = (typeof billingCycles)[number];
export type PlanStatus = (typeof planStatuses)[number];

/** What the cost of a cycle and its days are computed from. Decimals are text, days UTC `YYYY-MM-DD`. */
export interface ChargedTerms {
  pricingModel: (typeof pricingModels)[number];
  /** Per billing cycle; null: unknown. */
  unitPrice: string | null;
  /** Of an annual plan, in place of the unit price. */
  yearlyPrice: string | null;
  billingCycle: BillingCycle;
  /** Of a custom cycle. */
  cycleDays: number | null;
  cycleAlignment: (typeof cycleAlignments)[number];
  /** Of a monthly plan: the day of the month its cycles begin. */
  billingAnchorDay: number | null;
  /** The organization's when the version was written: a later change of locale restates nothing. */
  fiscalYearStartMonth: number;
  /** What anniversaries are counted from. */
  anchorDate: string;
  seats: number;
  discountType: (typeof discountTypes)[number] | null;
  discountValue: string | null;
}

/** One version of a plan's line, as far as charging is concerned. */
export interface ChargedVersion extends ChargedTerms {
  subscriptionId: string;
  lineId: string;
  /** Counted from 1 within the line. */
  version: number;
  provider: string;
  planName: string;
  displayName: string | null;
  category: string | null;
  currency: string;
  contractId: string | null;
  costSource: "manual" | "integration";
  startDate: string;
  /** Last charged day; null: no end. Before `startDate`: it never charges. */
  endDate: string | null;
  /** The end that was known when the version was written: what a prepaid cycle was billed for. */
  plannedEndDate: string | null;
  endedByHand: boolean;
  /** A correction has taken its place: it charges nothing any more. */
  withdrawnAt: string | null;
  supersededOn: string | null;
  supersededBy: string | null;
}

/** Document `orgs/{key}/saasPlans/{subscriptionId}`: one version of a SaaS plan, never deleted. */
export interface PlanVersion extends ChargedVersion {
  planType: string;
  seatsUsed: number | null;
  autoRenew: boolean;
  renewalDate: string | null;
  paymentMethod: string | null;
  invoiceIdLast: string | null;
  ownerEmail: string | null;
  department: string | null;
  notes: string | null;
  hierarchyEntityId: string | null;
  sourceCurrency: string | null;
  sourcePrice: string | null;
  exchangeRateUsed: string | null;
  /** Seeded and edited by nobody yet. */
  isPlaceholder: boolean;
  withdrawnBy: string | null;
  createdAt: string;
  createdBy: string;
  updatedAt: string;
  updatedBy: string;
}

type Dated = Pick<ChargedVersion, "startDate" | "endDate" | "endedByHand" | "withdrawnAt" | "seats">;

/** The status on a day, derived at every read and never stored. Source: `prices-and-plans.md` C3. */
export function planStatus(version: Dated, today: string): PlanStatus {
  if (version.endedByHand) return "cancelled";
  if (version.startDate > today) return "pending";
  return version.endDate !== null && version.endDate < today ? "expired" : "active";
}

/** Whether the version costs anything on the day; one that was ended by hand charges until its end. */
export function isCharging(version: Dated, today: string): boolean {
  const isInForce = version.startDate <= today && (version.endDate === null || today <= version.endDate);
  return isInForce && version.withdrawnAt === null && version.seats > 0;
}

/** Not withdrawn, and with at least one day. */
export function isLive({ withdrawnAt, startDate, endDate }: Pick<Dated, "withdrawnAt" | "startDate" | "endDate">) {
  return withdrawnAt === null && (endDate === null || endDate >= startDate);
}
