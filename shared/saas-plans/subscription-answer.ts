import { type Static, Type } from "@sinclair/typebox";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import { planStatus, planStatuses } from "./plan.ts";
import { chargeFacts } from "./plan-answer.ts";
import {
  billingPeriods,
  currentVersion,
  limitNames,
  type ProviderSubscriptionDocument,
  type ProviderSubscriptionVersion,
  tierTypes,
} from "./provider-subscription.ts";

const text = Type.String();
const textOrNull = nullable(text);
const integerOrNull = nullable(Type.Integer());
const amount = nullable(Type.String({ description: "Decimal text; null is unknown" }));
const limits = Object.fromEntries(limitNames.map((name) => [name, integerOrNull])) as Record<
  (typeof limitNames)[number],
  typeof integerOrNull
>;

const Commitment = strictObject({ committed: text, used: text, remaining: text });
export type Commitment = Static<typeof Commitment>;

const rowFields = {
  ...{ subscription_id: text, version_id: text, version: Type.Integer(), org_slug: text, provider: text },
  ...{ subscription_name: text, plan_name: text, monthly_cost: amount, unit_price: amount, quantity: integerOrNull },
  ...{ billing_period: choice(billingPeriods), yearly_price: amount, discount_percentage: amount },
  ...{ yearly_discount_percentage: amount, currency: text, start_date: text, effective_date: text },
  ...{ end_date: textOrNull, tier_type: choice(tierTypes), trial_end_date: textOrNull, trial_credit_usd: amount },
  ...limits,
  ...{ committed_spend_usd: amount, commitment_term_months: integerOrNull, notes: textOrNull },
  hierarchy_entity_id: textOrNull,
  ...{
    status: choice(planStatuses),
    is_charging: Type.Boolean(),
    is_enabled: Type.Boolean(),
    is_custom: Type.Boolean(),
  },
  ...{ cost_status: choice(["priced", "unpriced"]), cycle_cost: amount, annual_cost: amount },
  ...{ superseded_on: textOrNull, superseded_by: textOrNull, withdrawn_at: textOrNull },
  ...{ created_at: text, created_by: text, updated_at: text },
};

export const SubscriptionRow = strictObject({ ...rowFields, commitment: Type.Optional(Commitment) });
export type SubscriptionRow = Static<typeof SubscriptionRow>;

export const SubscriptionDetail = strictObject({
  ...rowFields,
  commitment: Type.Optional(Commitment),
  versions: Type.Array(strictObject(rowFields)),
});
export type SubscriptionDetail = Static<typeof SubscriptionDetail>;

export const SubscriptionList = strictObject({
  org_slug: text,
  provider: text,
  subscriptions: Type.Array(SubscriptionRow),
  count: Type.Integer(),
  next_cursor: textOrNull,
});
export type SubscriptionList = Static<typeof SubscriptionList>;

/** A version as it is answered on a day; of the current one where none is named. */
export function subscriptionRow(
  subscription: ProviderSubscriptionDocument,
  orgSlug: string,
  today: string,
  named?: ProviderSubscriptionVersion,
): Static<ReturnType<typeof plainRow>> {
  const version = named ?? currentVersion(subscription, today);
  if (version === undefined) throw new Error(`the subscription ${subscription.subscriptionId} has no version`);
  const { agreement } = version;
  const status = planStatus(version, today);
  const { is_charging, cost_status, cycle_cost, annual_cost } = chargeFacts(version, today);
  return {
    ...{ subscription_id: subscription.subscriptionId, version_id: version.subscriptionId, version: version.version },
    ...{ org_slug: orgSlug, provider: subscription.provider },
    ...{ subscription_name: subscription.name, plan_name: subscription.name },
    ...{ monthly_cost: agreement.monthlyCost, unit_price: agreement.unitPrice, quantity: agreement.quantity },
    ...{ billing_period: agreement.billingPeriod, yearly_price: agreement.yearlyPrice },
    discount_percentage: agreement.discountPercentage,
    yearly_discount_percentage: agreement.yearlyDiscountPercentage,
    ...{ currency: agreement.currency, start_date: version.startDate, effective_date: version.startDate },
    ...{ end_date: version.endDate, tier_type: agreement.tierType, trial_end_date: agreement.trialEndDate },
    trial_credit_usd: agreement.trialCreditUsd,
    ...limitsOf(version),
    ...{ committed_spend_usd: agreement.committedSpendUsd, commitment_term_months: agreement.commitmentTermMonths },
    ...{ notes: agreement.notes, hierarchy_entity_id: agreement.hierarchyEntityId, status, is_charging },
    ...{ is_enabled: status === "active" || status === "pending", is_custom: subscription.isCustom },
    ...{ cost_status, cycle_cost, annual_cost },
    ...{ superseded_on: version.supersededOn, superseded_by: version.supersededBy, withdrawn_at: version.withdrawnAt },
    ...{ created_at: version.createdAt, created_by: version.createdBy, updated_at: version.updatedAt },
  };
}

function plainRow() {
  return strictObject(rowFields);
}

function limitsOf({ agreement }: ProviderSubscriptionVersion) {
  return Object.fromEntries(limitNames.map((name) => [name, agreement.limits[name] ?? null])) as Record<
    (typeof limitNames)[number],
    number | null
  >;
}
