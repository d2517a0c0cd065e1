import { amountText } from "#shared/money/amount.ts";
import { chargedDays } from "./amortisation.ts";
import type { PlanVersion } from "./plan.ts";

/** A plan of 25 a month and seat for ten seats from 2025-01-01, with what the test says otherwise. */
export function planVersion(own: Partial<PlanVersion> = {}): PlanVersion {
  const startDate = own.startDate ?? "2025-01-01";
  return {
    ...{ subscriptionId: "sub_chatgpt_plus_team_000000000001", lineId: "line_1", version: 1 },
    ...{ provider: "chatgpt_plus", planName: "TEAM", displayName: null, category: "ai" },
    ...{ pricingModel: "PER_SEAT", unitPrice: "25", yearlyPrice: null, billingCycle: "monthly", cycleDays: null },
    ...{ cycleAlignment: "anniversary", billingAnchorDay: null, fiscalYearStartMonth: 1, seats: 10, seatsUsed: null },
    ...{ discountType: null, discountValue: null, currency: "USD", contractId: null, costSource: "manual" },
    ...{ endDate: null, plannedEndDate: own.endDate ?? null, endedByHand: false, withdrawnAt: null },
    ...{ supersededOn: null, supersededBy: null, planType: "team", autoRenew: true, renewalDate: null },
    ...{ paymentMethod: null, invoiceIdLast: null, ownerEmail: null, department: null, notes: null },
    ...{ hierarchyEntityId: null, sourceCurrency: null, sourcePrice: null, exchangeRateUsed: null },
    ...{ isPlaceholder: false, withdrawnBy: null, createdBy: "key_1", updatedBy: "key_1" },
    ...{ createdAt: "2025-01-01T00:00:00.000Z", updatedAt: "2025-01-01T00:00:00.000Z" },
    anchorDate: startDate,
    ...own,
    startDate,
  } satisfies PlanVersion;
}

/** Costs of the days from one to another, runs of equal ones written `8 x 1.5`. */
export function runsOf(version: PlanVersion, from: string, to: string): string {
  const runs: { cost: string; count: number }[] = [];
  for (const { cost } of chargedDays(version, from, to)) {
    const text = amountText(cost);
    const last = runs.at(-1);
    if (last?.cost === text) last.count += 1;
    else runs.push({ cost: text, count: 1 });
  }
  return runs.map(({ cost, count }) => (count === 1 ? cost : `${count} x ${cost}`)).join(" + ");
}
