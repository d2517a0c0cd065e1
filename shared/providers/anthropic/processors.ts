import { isAppError } from "#shared/runtime/errors.ts";
import { drift } from "../answer-fields.ts";
import type { BucketAnswer } from "../day-buckets.ts";
import { type Findings, findings } from "../findings.ts";
import type { PullContext, Pulled, PullProcessor } from "../provider.ts";
import { pulledDays } from "../pulled-days.ts";
import { dayRanges } from "../utc-days.ts";
import { type ActivityDay, activityRows } from "./activity-rows.ts";
import { activityRecord } from "./activity-schema.ts";
import { billedRows, type CostDay } from "./billed-rows.ts";
import { activityRecords, paths, reportBuckets } from "./client.ts";
import { namesFor } from "./names.ts";
import { costGroups, costResult, usageGroups, usageResult } from "./schema.ts";
import { type UsageDay, usageRows } from "./usage-rows.ts";

const activityTable = "genai_activity_daily_raw";

/** `anthropic.costs`: the cost report as rows of `genai_billed_daily_raw`. */
async function pullCosts(context: PullContext): Promise<Pulled> {
  const found = findings();
  const days: CostDay[] = [];
  for (const { buckets, groupBy } of await reports(context, { path: paths.costs, groupBy: costGroups }, found)) {
    for (const bucket of buckets) {
      const results = bucket.results.map((result) => costResult(result, groupBy, found));
      days.push({ ...bucket, results: inScope(results, context) });
    }
  }
  const places = days.flatMap(({ results }) => results);
  const facts = { ...context, names: await namesFor(context, places, found) };
  const rows = billedRows(days, facts, found);
  return pulledDays(context, { table: "genai_billed_daily_raw", rows, answered: daysOf(days), found, warnings: [] });
}

/** `anthropic.usage`: the messages usage report as rows of `genai_usage_daily_raw`. */
async function pullUsage(context: PullContext): Promise<Pulled> {
  const found = findings();
  const days: UsageDay[] = [];
  for (const { buckets, groupBy } of await reports(context, { path: paths.usage, groupBy: usageGroups }, found)) {
    const hasTiers = groupBy.includes("service_tier");
    for (const bucket of buckets) {
      const results = bucket.results.map((result) => usageResult(result, groupBy, found));
      days.push({ ...bucket, hasTiers, results: inScope(results, context) });
    }
  }
  const places = days.flatMap(({ results }) => results);
  const facts = { ...context, names: await namesFor(context, places, found) };
  const rows = usageRows(days, facts, found);
  return pulledDays(context, { table: "genai_usage_daily_raw", rows, answered: daysOf(days), found, warnings: [] });
}

/**
 * `anthropic.activity`: Claude Code analytics as rows of `genai_activity_daily_raw`, one call per day. The report knows no
 * workspaces, so a credential that is restricted to some leaves it out; so does one that may not see it.
 */
async function pullActivity(context: PullContext): Promise<Pulled> {
  const found = findings();
  if (context.metadata["include_claude_code"] === false) return pulledActivity(context, [], { found, warnings: [] });
  if (projectIdsOf(context).length > 0) {
    const warning = "Claude Code activity is left out: it cannot be restricted to project_ids.";
    return pulledActivity(context, [], { found, warnings: [warning] });
  }
  const days: ActivityDay[] = [];
  try {
    for (const day of [...new Set(context.days)].sort()) {
      const records = await activityRecords(context, day, found);
      days.push({ day, records: records.map((record) => activityRecord(record, day, found)) });
    }
  } catch (error) {
    if (!isAppError(error, "PROVIDER_FORBIDDEN") && !isAppError(error, "PROVIDER_NOT_FOUND")) throw error;
    const warning = `Claude Code activity is left out: ${error.message}`;
    return pulledActivity(context, [], { found, warnings: [warning] });
  }
  return pulledActivity(context, days, { found, warnings: [] });
}

/** Activity never holds a day back: what was left out counts as answered with nothing. */
async function pulledActivity(
  context: PullContext,
  days: readonly ActivityDay[],
  { found, warnings }: { found: Findings; warnings: readonly string[] },
): Promise<Pulled> {
  const userRefs = new Map<string, string | null>();
  for (const { email } of days.flatMap(({ records }) => records)) {
    if (email !== null && !userRefs.has(email)) userRefs.set(email, (await context.userRef?.(email)) ?? null);
  }
  const rows = activityRows(days, { ...context, userRefs }, found);
  return pulledDays(context, { table: activityTable, rows, answered: new Set(context.days), found, warnings });
}

async function reports(
  context: PullContext,
  { path, groupBy }: { path: string; groupBy: readonly string[] },
  found: Findings,
): Promise<BucketAnswer[]> {
  const answers: BucketAnswer[] = [];
  for (const range of dayRanges(context.days))
    answers.push(await reportBuckets(context, { path, range, groupBy }, found));
  return answers;
}

/** The cost report takes no filter, so both reports are narrowed here and alike, `default` among the names. */
function inScope<T extends { path: string; workspaceId: string | null }>(
  results: readonly T[],
  context: PullContext,
): T[] {
  const ids = projectIdsOf(context);
  if (ids.length === 0) return [...results];
  return results.filter(({ path, workspaceId }) => {
    if (workspaceId === null) throw drift(`${path}.workspace_id`, "the answer is not told apart by workspace");
    return ids.includes(workspaceId);
  });
}

function projectIdsOf({ metadata }: PullContext): readonly unknown[] {
  const ids = metadata["project_ids"];
  return Array.isArray(ids) ? ids : [];
}

function daysOf(days: readonly { day: string }[]): Set<string> {
  return new Set(days.map(({ day }) => day));
}

/** The extracting steps by processor name; `configs/anthropic/usage_cost.yml` uses them. */
export const anthropicProcessors = {
  "anthropic.costs": pullCosts,
  "anthropic.usage": pullUsage,
  "anthropic.activity": pullActivity,
} as const satisfies Record<string, PullProcessor>;
