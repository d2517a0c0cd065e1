import { configFile } from "#shared/platform/config-files.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import { type Findings, findings } from "../findings.ts";
import type { FocusContext, PullContext, Pulled, PullProcessor } from "../provider.ts";
import { pulledDays } from "../pulled-days.ts";
import { type DayRange, dayRanges } from "../utc-days.ts";
import { billedRows, type CostDay } from "./billed-rows.ts";
import { openaiBuckets } from "./client.ts";
import { openaiFocusRows } from "./focus-rows.ts";
import { type LineItems, lineItems } from "./line-items.ts";
import { namesFor } from "./names.ts";
import { costResult, usageResult } from "./schema.ts";
import { type UsageEndpoint, usageEndpoints } from "./usage-endpoints.ts";
import { type UsageDay, usageRows } from "./usage-rows.ts";

const costGroups = ["project_id", "line_item", "api_key_id"];

let readItems: Promise<LineItems> | undefined;

/** Read once per process; a failed read is forgotten. */
function knownLineItems(): Promise<LineItems> {
  readItems ??= configFile("openai/line-items.yml")
    .then(lineItems)
    .catch((error: unknown) => {
      readItems = undefined;
      throw error;
    });
  return readItems;
}

/** `openai.costs`: the Costs API as rows of `genai_billed_daily_raw`. Config: `group_by` (default: all three groups). */
async function pullCosts(context: PullContext): Promise<Pulled> {
  const found = findings();
  const days: CostDay[] = [];
  for (const range of dayRanges(context.days)) {
    const { buckets, groupBy } = await openaiBuckets(
      context,
      {
        path: "/v1/organization/costs",
        range,
        groupBy: costGroupsOf(context.config),
        projectIds: projectIdsOf(context.metadata),
      },
      found,
    );
    days.push(
      ...buckets.map((bucket) => ({
        ...bucket,
        results: bucket.results.map((result) => costResult(result, groupBy, found)),
      })),
    );
  }
  const names = await namesFor(
    context,
    days.flatMap(({ results }) => results),
    found,
  );
  const { provider, accountId } = context;
  const rows = billedRows(days, { provider, accountId, names, lineItems: await knownLineItems() }, found);
  return pulledDays(context, {
    table: "genai_billed_daily_raw",
    rows,
    answered: new Set(days.map(({ day }) => day)),
    found,
    warnings: [],
  });
}

/** `openai.usage`: all usage endpoints as rows of `genai_usage_daily_raw`. A day counts as answered when the required ones answered it. */
async function pullUsage(context: PullContext): Promise<Pulled> {
  const found = findings();
  const warnings: string[] = [];
  const days: UsageDay[] = [];
  for (const endpoint of usageEndpoints) {
    for (const range of dayRanges(context.days))
      days.push(...(await usageDays(context, endpoint, range, { found, warnings })));
  }
  const names = await namesFor(
    context,
    days.flatMap(({ results }) => results),
    found,
  );
  const rows = usageRows(days, { provider: context.provider, accountId: context.accountId, names }, found);
  const answered = new Set(days.filter(({ endpoint }) => endpoint.isRequired).map(({ day }) => day));
  return pulledDays(context, { table: "genai_usage_daily_raw", rows, answered, found, warnings });
}

async function usageDays(
  context: PullContext,
  endpoint: UsageEndpoint,
  range: DayRange,
  { found, warnings }: { found: Findings; warnings: string[] },
): Promise<UsageDay[]> {
  const path = `/v1/organization/usage/${endpoint.name}`;
  try {
    const listing = { path, range, groupBy: endpoint.groupBy, projectIds: projectIdsOf(context.metadata) };
    const { buckets, groupBy } = await openaiBuckets(context, listing, found);
    return buckets.map((bucket) => ({
      ...bucket,
      endpoint,
      hasTiers: groupBy.includes("service_tier"),
      results: bucket.results.map((result) => usageResult(endpoint, result, groupBy, found)),
    }));
  } catch (error) {
    if (endpoint.isRequired || !isAppError(error, "PROVIDER_NOT_FOUND")) throw error;
    const warning = `OpenAI does not offer ${endpoint.name}; its usage is not part of this run.`;
    if (!warnings.includes(warning)) warnings.push(warning);
    return [];
  }
}

function costGroupsOf({ group_by }: Record<string, unknown>): readonly string[] {
  const groups = group_by ?? costGroups;
  if (!Array.isArray(groups) || groups.some((group) => !costGroups.includes(group))) {
    throw new AppError("CONFIG_FILE_INVALID", `openai.costs: group_by may hold ${costGroups.join(", ")}.`);
  }
  return groups as string[];
}

function projectIdsOf({ project_ids }: Record<string, unknown>): readonly string[] {
  return Array.isArray(project_ids) ? project_ids.filter((id) => typeof id === "string") : [];
}

/** The extracting steps by processor name; `configs/openai/cost/usage_cost.yml` uses them. */
export const openaiProcessors = { "openai.costs": pullCosts, "openai.usage": pullUsage } as const satisfies Record<
  string,
  PullProcessor
>;

/** `focus.rows` for openai. */
export async function openaiCosts(context: FocusContext): Promise<Pulled> {
  return openaiFocusRows(context, await knownLineItems());
}
