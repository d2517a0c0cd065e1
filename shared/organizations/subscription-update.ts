import { type Static, type TSchema, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { applySubscription, readSubscription } from "#shared/billing/apply-subscription.ts";
import { type PlanLimits, type PlanName, type Plans, planNamed, planNames, plans } from "#shared/plans/plans.ts";
import {
  afterTrial,
  isChargedByStripe,
  type SubscriptionDocument,
  type SubscriptionStatus,
  subscriptionStatuses,
} from "#shared/plans/subscription.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import { existingOrg, type OrgDocument, orgPath } from "./organization.ts";
import { overridesAnswer, type SubscriptionUpdateAnswer, subscriptionAnswer } from "./subscription-answer.ts";

const optional = Type.Optional;

function limit<T extends TSchema>(schema: T, olderName?: string) {
  return optional(Type.Union([schema, Type.Null()], olderName === undefined ? {} : { alsoAs: [olderName] }));
}

export const SubscriptionRequest = strictObject({
  plan_name: optional(plainText(1, 50)),
  status: optional(choice(subscriptionStatuses)),
  daily_limit: limit(Type.Integer({ minimum: 0, maximum: 1_000_000 }), "pipelines_per_day_limit"),
  monthly_limit: limit(Type.Integer({ minimum: 0, maximum: 10_000_000 }), "pipelines_per_month_limit"),
  concurrent_limit: limit(Type.Integer({ minimum: 1, maximum: 5000 }), "concurrent_pipelines_limit"),
  seat_limit: limit(Type.Integer({ minimum: 1, maximum: 100_000 }), "max_team_members"),
  providers_limit: limit(Type.Integer({ minimum: 1, maximum: 1000 }), "max_providers"),
  trial_ends_at: optional(nullable(Type.String({ format: "date-time" }))),
  trial_end_date: optional(nullable(Type.String({ format: "date", description: "That UTC day is part of the trial" }))),
  subscription_end_date: optional(nullable(Type.String({ format: "date" }))),
  reset_to_plan: optional(Type.Boolean({ description: "Drops all overrides first" })),
});
export type SubscriptionRequest = Static<typeof SubscriptionRequest>;

/**
 * Changes plan, status, limits and dates as the operator says. What is asked for and stands already writes nothing. The
 * next reservation in any process sees the change. Throws `PLAN_MANAGED_BY_STRIPE`, `INVALID_BODY`. Source: `organizations.md` 5.
 */
export async function updateSubscription(
  asked: { org: OrgIdentity; request: SubscriptionRequest },
  effects: Effects<SubscriptionUpdateAnswer>,
): Promise<SubscriptionUpdateAnswer> {
  const { org, request } = asked;
  const catalogue = await plans();
  return effects.commit(async (change) => {
    const read = await readSubscription(org, change);
    const profile = existingOrg((await change.get<OrgDocument>(orgPath(org.key))).body);
    await effects.prepare(change);
    if (read.body === undefined) throw new AppError("SUBSCRIPTION_NOT_FOUND", "There is no subscription record.");
    const before = afterTrial(read.body, read.readAt);
    const next = changed(before, request, { catalogue, now: read.readAt, trialUsed: profile.trialUsed });
    const isSame = JSON.stringify(facts(before)) === JSON.stringify(facts(next));
    const by = { change, catalogue, trialUsed: profile.trialUsed };
    const { stored, trialUsed } = isSame
      ? { stored: read.body, trialUsed: profile.trialUsed }
      : applySubscription(org, read, next, by);
    if (trialUsed && !profile.trialUsed) change.set<OrgDocument>(orgPath(org.key), { ...profile, trialUsed });
    const { createdAt, readAt } = read;
    const updatedAt = isSame ? read.updatedAt : readAt.toISOString();
    const answer: SubscriptionUpdateAnswer = {
      ...subscriptionAnswer(org, { stored, trialUsed, now: readAt, createdAt, updatedAt }, catalogue),
      updated: !isSame,
      message: isSame ? "Nothing to change." : "The subscription is changed; the next run goes by it.",
    };
    const details = { old: facts(before), new: facts(next) };
    effects.conclude(change, answer, { org, resourceId: stored.subscriptionId, details, isAudited: isSame });
    return answer;
  });
}

/** What the operator sees of a record: told in the audit row, and compared to know whether anything changes. */
function facts(subscription: SubscriptionDocument): Record<string, unknown> {
  const { plan, status, overrides, trialEndsAt, graceEndsAt, endDate } = subscription;
  return {
    plan_name: plan,
    status,
    overrides: overridesAnswer(overrides),
    trial_ends_at: trialEndsAt,
    grace_ends_at: graceEndsAt,
    subscription_end_date: endDate,
  };
}

interface Setting {
  catalogue: Plans;
  now: Date;
  trialUsed: boolean;
}

function changed(stored: SubscriptionDocument, request: SubscriptionRequest, by: Setting): SubscriptionDocument {
  const plan = askedPlan(stored, request.plan_name, by.catalogue);
  const trialEndsAt = askedTrialEnd(stored, request);
  const status = askedStatus(stored, request, { plan, trialEndsAt });
  refuseTrial({ stored, status, trialEndsAt, isEndAsked: trialEndsAt !== stored.trialEndsAt }, by);
  return {
    ...stored,
    plan,
    status,
    overrides: { ...(request.reset_to_plan === true ? {} : stored.overrides), ...askedLimits(request) },
    trialEndsAt,
    // A status that somebody sets is meant as it stands; a grace belongs to the payment that was missed.
    graceEndsAt: request.status === undefined ? stored.graceEndsAt : null,
    endDate: request.subscription_end_date === undefined ? stored.endDate : request.subscription_end_date,
  };
}

function askedPlan(stored: SubscriptionDocument, name: string | undefined, catalogue: Plans): PlanName {
  if (name === undefined) return stored.plan;
  const plan = planNamed(name, catalogue);
  if (plan === undefined) throw invalid("/plan_name", `must be one of ${planNames.join(", ")}`);
  if (plan !== stored.plan && isChargedByStripe(stored)) {
    throw new AppError("PLAN_MANAGED_BY_STRIPE", "A Stripe subscription lives: the plan is changed there.");
  }
  return plan;
}

/** Another plan ends a local trial: who is put on a plan does not fall from it when the trial would have ended. */
function askedStatus(
  stored: SubscriptionDocument,
  request: SubscriptionRequest,
  next: { plan: PlanName; trialEndsAt: string | null },
): SubscriptionStatus {
  if (request.status !== undefined) return request.status;
  const isOtherPlan = next.plan !== stored.plan && next.trialEndsAt === stored.trialEndsAt;
  return stored.status === "TRIAL" && isOtherPlan ? "ACTIVE" : stored.status;
}

function askedTrialEnd(stored: SubscriptionDocument, request: SubscriptionRequest): string | null {
  const { trial_ends_at: instant, trial_end_date: day } = request;
  if (instant === undefined && day === undefined) return stored.trialEndsAt;
  const byInstant = instant == null ? null : new Date(instant).toISOString();
  const byDay = day == null ? null : new Date(Date.parse(day) + 86_400_000).toISOString();
  if (instant !== undefined && day !== undefined && byInstant !== byDay)
    throw invalid("/trial_end_date", "contradicts trial_ends_at");
  return instant === undefined ? byDay : byInstant;
}

/** A trial has an end, is given once for ever, and only a trial has an end to move. */
function refuseTrial(
  asked: { stored: SubscriptionDocument; status: SubscriptionStatus; trialEndsAt: string | null; isEndAsked: boolean },
  by: Setting,
): void {
  const { stored, status, trialEndsAt, isEndAsked } = asked;
  if (status !== "TRIAL") {
    if (isEndAsked && trialEndsAt !== null)
      throw invalid("/trial_ends_at", "only a trial has an end: status is not TRIAL");
    return;
  }
  if (stored.status !== "TRIAL" && by.trialUsed) throw invalid("/status", "the trial of this organization is used");
  if (trialEndsAt === null) throw invalid("/trial_ends_at", "a trial needs an end");
  if ((isEndAsked || stored.status !== "TRIAL") && Date.parse(trialEndsAt) <= by.now.getTime())
    throw invalid("/trial_ends_at", "must be in the future");
}

function askedLimits(request: SubscriptionRequest): Partial<PlanLimits> {
  const given: Record<keyof PlanLimits, number | null | undefined> = {
    daily: request.daily_limit,
    monthly: request.monthly_limit,
    concurrent: request.concurrent_limit,
    seats: request.seat_limit,
    providers: request.providers_limit,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function invalid(path: string, problem: string): AppError {
  return new AppError("INVALID_BODY", `The body is not valid: ${path} ${problem}.`, { fields: [{ path, problem }] });
}
