import { type Static, Type } from "@sinclair/typebox";
import { amountText, type Decimal, parseAmount, roundAmount } from "#shared/money/amount.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import { cycleCost } from "./amortisation.ts";
import { cycleMonths, cycleOf } from "./cycles.ts";
import {
  type BillingCycle,
  billingCycles,
  type ChargedVersion,
  cycleAlignments,
  discountTypes,
  isCharging,
  type PlanVersion,
  planStatus,
  planStatuses,
  pricingModels,
} from "./plan.ts";
import { addDays } from "./plan-days.ts";

const text = Type.String();
const textOrNull = nullable(text);
const integerOrNull = nullable(Type.Integer());
const amount = nullable(Type.String({ description: "Decimal text; null is unknown" }));

export const PlanAnswer = strictObject({
  ...{ subscription_id: text, line_id: text, version: Type.Integer(), org_slug: text, provider: text },
  ...{ provider_name: Type.String({ description: "Older name of provider" }), plan_name: text, plan_type: text },
  ...{ display_name: textOrNull, category: textOrNull, pricing_model: choice(pricingModels) },
  ...{ unit_price: amount, yearly_price: amount, price_per_user_monthly: amount, cost_per_cycle: amount },
  ...{ billing_cycle: choice(billingCycles), cycle_days: integerOrNull, cycle_alignment: choice(cycleAlignments) },
  ...{ billing_anchor_day: integerOrNull, fiscal_year_start_month: Type.Integer(), currency: text },
  ...{ seats: Type.Integer(), number_of_users: Type.Integer(), seats_used: integerOrNull },
  ...{ discount_type: nullable(choice(discountTypes)), discount_value: amount },
  ...{ start_date: text, effective_date: text, end_date: textOrNull, auto_renew: Type.Boolean() },
  ...{ renewal_date: textOrNull, payment_method: textOrNull, invoice_id_last: textOrNull, owner_email: textOrNull },
  ...{ department: textOrNull, contract_id: textOrNull, notes: textOrNull, hierarchy_entity_id: textOrNull },
  ...{ cost_source: choice(["manual", "integration"]), source_currency: textOrNull, source_price: amount },
  exchange_rate_used: amount,
  status: choice(planStatuses),
  is_enabled: Type.Boolean(),
  is_charging: Type.Boolean(),
  charges_until: textOrNull,
  cost_status: choice(["priced", "unpriced"]),
  ...{ cycle_cost: amount, monthly_cost: amount, annual_cost: amount, next_renewal_date: textOrNull },
  ...{ superseded_on: textOrNull, superseded_by: textOrNull, withdrawn_at: textOrNull, withdrawn_by: textOrNull },
  ...{ created_at: text, created_by: text, updated_at: text, updated_by: text },
});
export type PlanAnswer = Static<typeof PlanAnswer>;

/** A version as it is answered on a day, its status and costs derived. */
export function planAnswer(version: PlanVersion, orgSlug: string, today: string): PlanAnswer {
  const status = planStatus(version, today);
  const { billingCycle, pricingModel, unitPrice } = version;
  const months = cycleMonths[billingCycle];
  const isPerSeat = pricingModel === "PER_SEAT";
  return {
    ...{ subscription_id: version.subscriptionId, line_id: version.lineId, version: version.version },
    ...{ org_slug: orgSlug, provider: version.provider, provider_name: version.provider },
    ...{ plan_name: version.planName, plan_type: version.planType, display_name: version.displayName },
    ...{ category: version.category, pricing_model: pricingModel, unit_price: unitPrice },
    yearly_price: version.yearlyPrice,
    price_per_user_monthly:
      isPerSeat && unitPrice !== null && months !== undefined
        ? amountText(roundAmount(parseAmount(unitPrice).dividedBy(months)))
        : null,
    cost_per_cycle: isPerSeat ? null : unitPrice,
    ...{ billing_cycle: billingCycle, cycle_days: version.cycleDays, cycle_alignment: version.cycleAlignment },
    ...{ billing_anchor_day: version.billingAnchorDay, fiscal_year_start_month: version.fiscalYearStartMonth },
    ...{ currency: version.currency, seats: version.seats, number_of_users: version.seats },
    ...{ seats_used: version.seatsUsed, discount_type: version.discountType, discount_value: version.discountValue },
    ...{ start_date: version.startDate, effective_date: version.startDate, end_date: version.endDate },
    ...{ auto_renew: version.autoRenew, renewal_date: version.renewalDate, payment_method: version.paymentMethod },
    ...{ invoice_id_last: version.invoiceIdLast, owner_email: version.ownerEmail, department: version.department },
    ...{ contract_id: version.contractId, notes: version.notes, hierarchy_entity_id: version.hierarchyEntityId },
    ...{ cost_source: version.costSource, source_currency: version.sourceCurrency, source_price: version.sourcePrice },
    exchange_rate_used: version.exchangeRateUsed,
    status,
    is_enabled: status === "active" || status === "pending",
    ...chargeFacts(version, today),
    ...{ superseded_on: version.supersededOn, superseded_by: version.supersededBy },
    ...{ withdrawn_at: version.withdrawnAt, withdrawn_by: version.withdrawnBy },
    ...{ created_at: version.createdAt, created_by: version.createdBy },
    ...{ updated_at: version.updatedAt, updated_by: version.updatedBy },
  };
}

/** What a version costs and until when, as answers show it. */
export function chargeFacts(version: ChargedVersion, today: string) {
  const whole = cycleCost(version)?.cost;
  const annual = whole === undefined ? undefined : annualCost(whole, version);
  const shown = (value: Decimal | undefined): string | null =>
    value === undefined ? null : amountText(roundAmount(value));
  const charging = isCharging(version, today);
  return {
    is_charging: charging,
    charges_until: charging ? version.endDate : null,
    cost_status: whole === undefined ? ("unpriced" as const) : ("priced" as const),
    cycle_cost: shown(whole),
    monthly_cost: shown(annual?.dividedBy(12)),
    annual_cost: shown(annual),
    next_renewal_date: nextRenewal(version, today),
  };
}

const cyclesPerYear: Readonly<Record<Exclude<BillingCycle, "custom">, string>> = {
  monthly: "12",
  quarterly: "4",
  "semi-annual": "2",
  annual: "1",
  weekly: "52.1775",
};

/** The cost of a year at today's terms, not rounded. Source: `prices-and-plans.md` C4. */
export function annualCost(whole: Decimal, { billingCycle, cycleDays }: ChargedVersion): Decimal {
  if (billingCycle !== "custom") return whole.times(cyclesPerYear[billingCycle]);
  return whole.times("365.2425").dividedBy(cycleDays ?? 1);
}

/** The first day of the next cycle; null where the plan ends before it. */
function nextRenewal(version: ChargedVersion, today: string): string | null {
  if (version.withdrawnAt !== null) return null;
  const next = today < version.startDate ? version.startDate : addDays(cycleOf(version, today).end, 1);
  return version.endDate !== null && next > version.endDate ? null : next;
}
