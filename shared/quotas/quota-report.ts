import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { planNames, plans } from "#shared/plans/plans.ts";
import { effectiveSubscription, type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import { emptyQuota, nextDay, nextMonth, type QuotaDocument, refusalOf, rolled, type WarnedLimit } from "./quota.ts";
import { quotaPath } from "./reserve.ts";
import { type Seats, seatsOf } from "./seats.ts";
import { percentOf, warningLevel } from "./warnings.ts";

const count = Type.Integer({ minimum: 0 });
const limit = nullable(count);
const percent = nullable(Type.Number({ minimum: 0 }));

const Warning = strictObject({
  limit: choice(["daily", "monthly", "seats", "providers"]),
  used: count,
  limit_value: count,
  percent: Type.Number(),
  level: Type.Integer(),
});

/** Answer of GET quota (`organizations.md` 6), with the names of older clients beside. */
export const QuotaReport = strictObject({
  org_slug: Type.String(),
  plan_name: choice(planNames),
  status: Type.String(),
  billing_status: nullable(Type.String()),
  can_run: Type.Boolean(),
  blocked_by: nullable(Type.String()),
  usage_date: Type.String(),
  usage_month: Type.String(),
  pipelines_run_today: count,
  daily_limit: limit,
  daily_remaining: limit,
  daily_usage_percent: percent,
  pipelines_run_month: count,
  monthly_limit: limit,
  monthly_remaining: limit,
  monthly_usage_percent: percent,
  concurrent_pipelines_running: count,
  concurrent_limit: limit,
  pipelines_succeeded_today: count,
  pipelines_failed_today: count,
  max_concurrent_reached: count,
  configured_providers_count: count,
  providers_limit: limit,
  seats_used: count,
  seats_held: count,
  seat_limit: limit,
  daily_resets_at: Type.String({ format: "date-time" }),
  monthly_resets_at: Type.String({ format: "date-time" }),
  warnings: Type.Array(Warning),
  last_updated: nullable(Type.String({ format: "date-time" })),
  pipelinesRunToday: count,
  dailyLimit: limit,
  pipelinesRunMonth: count,
  monthlyLimit: limit,
  concurrentRunning: count,
  concurrentLimit: limit,
  seatLimit: limit,
  providersLimit: limit,
  configuredProvidersCount: count,
  usageDate: Type.String(),
  dailyUsagePercent: percent,
  monthlyUsagePercent: percent,
});
export type QuotaReport = Static<typeof QuotaReport>;

/** What this room reads of `orgs/{key}/integrations/index`. */
interface ProvidersIndex {
  providers: Record<string, unknown>;
}

/** The organization's quota as it stands now, read from the documents, never from a cache. */
export async function quotaReport(org: OrgIdentity, documents: Documents): Promise<QuotaReport> {
  const [catalogue, snapshots] = await Promise.all([
    plans(),
    documents.getAll<object>([quotaPath(org), subscriptionPath(org), `orgs/${org.key}/integrations/index`]),
  ]);
  const [quota, subscription, index] = snapshots;
  const now = quota?.readAt ?? new Date();
  const effective = effectiveSubscription(subscription?.body as SubscriptionDocument | undefined, catalogue, now);
  const counters = rolled((quota?.body as QuotaDocument | undefined) ?? emptyQuota(now), now);
  const providers = Object.keys((index?.body as ProvidersIndex | undefined)?.providers ?? {}).length;
  const { limits } = effective;
  const blockedBy = effective.canRun ? refusalOf(counters, limits, now)?.limit : "subscription";
  const seats = seatsOf(counters, now);
  const facts = { ...figures(counters, limits, providers), ...seatFigures(seats, limits) };
  return {
    org_slug: org.slug,
    plan_name: effective.plan,
    status: effective.status,
    billing_status: effective.billingStatus,
    can_run: blockedBy === undefined,
    blocked_by: blockedBy ?? null,
    ...facts,
    daily_resets_at: nextDay(now).toISOString(),
    monthly_resets_at: nextMonth(now).toISOString(),
    warnings: [
      ...warning("daily", counters.dayRuns, limits.daily),
      ...warning("monthly", counters.monthRuns, limits.monthly),
      ...warning("seats", seats.used, limits.seats),
      ...warning("providers", providers, limits.providers),
    ],
    last_updated: quota?.updatedAt ?? null,
    pipelinesRunToday: facts.pipelines_run_today,
    dailyLimit: facts.daily_limit,
    pipelinesRunMonth: facts.pipelines_run_month,
    monthlyLimit: facts.monthly_limit,
    concurrentRunning: facts.concurrent_pipelines_running,
    concurrentLimit: facts.concurrent_limit,
    seatLimit: facts.seat_limit,
    providersLimit: facts.providers_limit,
    configuredProvidersCount: facts.configured_providers_count,
    usageDate: facts.usage_date,
    dailyUsagePercent: facts.daily_usage_percent,
    monthlyUsagePercent: facts.monthly_usage_percent,
  };
}

function figures(
  counters: QuotaDocument,
  limits: { daily: number | null; monthly: number | null; concurrent: number | null; providers: number | null },
  providers: number,
) {
  return {
    usage_date: counters.day,
    usage_month: counters.month,
    pipelines_run_today: counters.dayRuns,
    daily_limit: limits.daily,
    daily_remaining: remaining(counters.dayRuns, limits.daily),
    daily_usage_percent: percentOf(counters.dayRuns, limits.daily),
    pipelines_run_month: counters.monthRuns,
    monthly_limit: limits.monthly,
    monthly_remaining: remaining(counters.monthRuns, limits.monthly),
    monthly_usage_percent: percentOf(counters.monthRuns, limits.monthly),
    concurrent_pipelines_running: Object.keys(counters.running).length,
    concurrent_limit: limits.concurrent,
    pipelines_succeeded_today: counters.daySucceeded,
    pipelines_failed_today: counters.dayFailed,
    max_concurrent_reached: counters.dayMaxConcurrent,
    configured_providers_count: providers,
    providers_limit: limits.providers,
  };
}

function seatFigures({ used, held }: Seats, limits: { seats: number | null }) {
  return { seats_used: used, seats_held: held, seat_limit: limits.seats };
}

function remaining(used: number, limitValue: number | null): number | null {
  return limitValue === null ? null : Math.max(0, limitValue - used);
}

function warning(name: WarnedLimit, used: number, limitValue: number | null): QuotaReport["warnings"] {
  if (limitValue === null) return [];
  const level = warningLevel(used, limitValue);
  return level === undefined
    ? []
    : [{ limit: name, used, limit_value: limitValue, percent: percentOf(used, limitValue) ?? 100, level }];
}
