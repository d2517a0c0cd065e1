import type { OrgIdentity } from "#shared/access/caller.ts";
import type { PlanLimits } from "#shared/plans/plans.ts";
import type { HistoryEntry } from "#shared/runtime/change.ts";
import type { QuotaDocument } from "./quota.ts";

/** One row of `org_usage_quotas`: the counters after a committed change; the last of a day is its result. */
export function quotaHistoryRow(
  org: OrgIdentity,
  quota: QuotaDocument,
  limits: PlanLimits,
  at: { version: number; now: Date },
): HistoryEntry {
  return {
    table: "org_usage_quotas",
    operation: at.version === 1 ? "CREATE" : "UPDATE",
    version: at.version,
    row: {
      usage_id: `${org.key}_${quota.day.replaceAll("-", "")}`,
      org_slug: org.slug,
      usage_date: quota.day,
      pipelines_run_today: quota.dayRuns,
      pipelines_succeeded_today: quota.daySucceeded,
      pipelines_failed_today: quota.dayFailed,
      pipelines_run_month: quota.monthRuns,
      concurrent_pipelines_running: Object.keys(quota.running).length,
      daily_limit: limits.daily,
      monthly_limit: limits.monthly,
      concurrent_limit: limits.concurrent,
      seat_limit: limits.seats,
      providers_limit: limits.providers,
      max_concurrent_reached: quota.dayMaxConcurrent,
      last_pipeline_completed_at: quota.lastCompletedAt,
      last_updated: at.now.toISOString(),
      created_at: at.now.toISOString(),
    },
  };
}
