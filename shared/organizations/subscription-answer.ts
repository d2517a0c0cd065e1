import { type Static, type TProperties, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { type PlanLimits, type Plans, planNames, plans } from "#shared/plans/plans.ts";
import {
  type EffectiveSubscription,
  effectiveSubscription,
  type SubscriptionDocument,
  subscriptionPath,
  subscriptionStatuses,
} from "#shared/plans/subscription.ts";
import { trialEndDate } from "#shared/plans/subscription-history.ts";
import type { Documents, Snapshot } from "#shared/platform/documents/documents.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import { nullableInstant, type OrgDocument, orgPath } from "./organization.ts";

const count = Type.Integer({ minimum: 0 });
const limit = nullable(count);
const date = nullable(Type.String({ format: "date" }));
const optional = Type.Optional;

const limitFields = {
  daily_limit: limit,
  monthly_limit: limit,
  concurrent_limit: limit,
  seat_limit: limit,
  providers_limit: limit,
};

const subscriptionFields = {
  org_slug: Type.String(),
  subscription_id: nullable(Type.String()),
  plan_name: choice(planNames),
  status: choice(subscriptionStatuses),
  stored_status: nullable(Type.String()),
  billing_status: nullable(Type.String()),
  ...limitFields,
  overrides: strictObject({
    daily_limit: optional(limit),
    monthly_limit: optional(limit),
    concurrent_limit: optional(limit),
    seat_limit: optional(limit),
    providers_limit: optional(limit),
  }),
  entitlements: strictObject({
    sync_interval_minutes: count,
    digest_frequency: choice(["weekly", "daily"]),
    alerts_enabled: Type.Boolean(),
    tips_enabled: Type.Boolean(),
    max_budgets: limit,
    max_alert_rules: limit,
    max_channels: limit,
    channel_types: Type.Array(Type.String()),
    requests_per_minute: count,
    events_per_second: count,
  }),
  trial: strictObject({
    active: Type.Boolean(),
    ends_at: nullableInstant,
    used: Type.Boolean(),
    days_left: count,
  }),
  trial_end_date: date,
  subscription_end_date: date,
  read_only_until: nullableInstant,
  created_at: nullableInstant,
  updated_at: nullableInstant,
} satisfies TProperties;

/** Answer of GET subscription (`organizations.md` 5): limits are those in force, null = unlimited. */
export const SubscriptionAnswer = strictObject(subscriptionFields);
export type SubscriptionAnswer = Static<typeof SubscriptionAnswer>;

export const SubscriptionUpdateAnswer = strictObject({
  ...subscriptionFields,
  updated: Type.Boolean(),
  message: Type.String(),
});
export type SubscriptionUpdateAnswer = Static<typeof SubscriptionUpdateAnswer>;

/** What a subscription answer is made of. */
export interface SubscriptionFacts {
  stored: SubscriptionDocument | undefined;
  trialUsed: boolean;
  now: Date;
  createdAt: string | undefined;
  updatedAt: string | undefined;
}

export async function readSubscriptionAnswer(org: OrgIdentity, documents: Documents): Promise<SubscriptionAnswer> {
  const [subscription, profile] = await documents.getAll<object>([subscriptionPath(org), orgPath(org.key)]);
  const { body, readAt, createdAt, updatedAt } = subscription as Snapshot<SubscriptionDocument>;
  const trialUsed = (profile?.body as OrgDocument | undefined)?.trialUsed ?? false;
  return subscriptionAnswer(org, { stored: body, trialUsed, now: readAt, createdAt, updatedAt }, await plans());
}

export function subscriptionAnswer(org: OrgIdentity, facts: SubscriptionFacts, catalogue: Plans): SubscriptionAnswer {
  const { stored, now } = facts;
  const effective = effectiveSubscription(stored, catalogue, now);
  return {
    org_slug: org.slug,
    subscription_id: stored?.subscriptionId ?? null,
    plan_name: effective.plan,
    status: effective.status,
    stored_status: stored?.status ?? null,
    billing_status: effective.billingStatus,
    ...limitsAnswer(effective.limits),
    overrides: overridesAnswer(effective.overrides),
    entitlements: { ...effective.entitlements, requests_per_minute: effective.requestsPerMinute },
    trial: trialAnswer(facts, effective),
    trial_end_date: stored === undefined ? null : trialEndDate(stored),
    subscription_end_date: stored?.endDate ?? null,
    read_only_until: effective.readOnlyUntil,
    created_at: facts.createdAt ?? null,
    updated_at: facts.updatedAt ?? null,
  };
}

function trialAnswer({ stored, trialUsed, now }: SubscriptionFacts, effective: EffectiveSubscription) {
  const endsAt = stored?.trialEndsAt ?? null;
  const active = effective.status === "TRIAL";
  const left = endsAt === null ? 0 : Math.ceil((Date.parse(endsAt) - now.getTime()) / 86_400_000);
  return { active, ends_at: endsAt, used: trialUsed, days_left: active ? Math.max(0, left) : 0 };
}

function limitsAnswer(limits: PlanLimits) {
  return {
    daily_limit: limits.daily,
    monthly_limit: limits.monthly,
    concurrent_limit: limits.concurrent,
    seat_limit: limits.seats,
    providers_limit: limits.providers,
  };
}

/** Only the limits that are overridden: an override of null is one too. */
export function overridesAnswer(overrides: Partial<PlanLimits>): SubscriptionAnswer["overrides"] {
  const wire = limitsAnswer({
    daily: null,
    monthly: null,
    concurrent: null,
    seats: null,
    providers: null,
    ...overrides,
  });
  const names = Object.keys(overrides).map((name) => (name === "seats" ? "seat_limit" : `${name}_limit`));
  return Object.fromEntries(Object.entries(wire).filter(([name]) => names.includes(name)));
}
