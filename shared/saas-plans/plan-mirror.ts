import type { ChargedVersion, PlanVersion } from "./plan.ts";
import type { ProviderSubscriptionVersion } from "./provider-subscription.ts";

/** Where and when a mirrored version was written. */
export interface Mirrored {
  documentVersion: number;
  eventId: string;
  /** RFC 3339, UTC. */
  now: string;
}

/** A row of `saas_subscription_plans` in the organization's dataset: a mirror for BI, never read by the platform. */
export function planMirrorRow(version: PlanVersion, at: Mirrored): Record<string, unknown> {
  const { planType, autoRenew, renewalDate, ownerEmail, hierarchyEntityId, notes, createdAt, updatedAt } = version;
  return {
    ...chargedColumns(version, at),
    plan_type: planType,
    auto_renew: autoRenew,
    renewal_date: renewalDate,
    owner_email: ownerEmail,
    hierarchy_entity_id: hierarchyEntityId,
    notes,
    created_at: createdAt,
    updated_at: updatedAt,
  };
}

/** The same for the organization's own subscription with a provider. */
export function subscriptionMirrorRow(version: ProviderSubscriptionVersion, at: Mirrored): Record<string, unknown> {
  const { agreement, createdAt, updatedAt } = version;
  const { tierType, hierarchyEntityId, notes } = agreement;
  return {
    ...chargedColumns(version, at),
    plan_type: tierType,
    auto_renew: true,
    renewal_date: null,
    owner_email: null,
    hierarchy_entity_id: hierarchyEntityId,
    notes,
    created_at: createdAt,
    updated_at: updatedAt,
  };
}

function chargedColumns(version: ChargedVersion, at: Mirrored): Record<string, unknown> {
  return {
    subscription_id: version.subscriptionId,
    line_id: version.lineId,
    plan_version: version.version,
    provider: version.provider,
    plan_name: version.planName,
    display_name: version.displayName,
    category: version.category,
    pricing_model: version.pricingModel,
    billing_cycle: version.billingCycle,
    cycle_days: version.cycleDays,
    cycle_alignment: version.cycleAlignment,
    billing_anchor_day: version.billingAnchorDay,
    currency: version.currency,
    seats: version.seats,
    unit_price: version.unitPrice,
    yearly_price: version.yearlyPrice,
    discount_type: version.discountType,
    discount_value: version.discountValue,
    start_date: version.startDate,
    end_date: version.endDate,
    ended_by_hand: version.endedByHand,
    superseded_by: version.supersededBy,
    contract_id: version.contractId,
    withdrawn_at: version.withdrawnAt,
    event_id: at.eventId,
    version: at.documentVersion,
    operation: at.documentVersion === 1 ? "CREATE" : "UPDATE",
    recorded_at: at.now,
  };
}
