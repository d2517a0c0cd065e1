import { isUsed, sliceOfDay, sumCounts } from "../counts.ts";
import { dayOf } from "../days.ts";
import { type Group, groupRows } from "../group.ts";
import type { JsonObject } from "../json.ts";
import type { Answer, AuthorizedCall } from "../provider.ts";
import { bucketPage } from "./bucket-page.ts";
import { dayRows } from "./day-rows.ts";
import { type ReportRules, readReportQuery } from "./query.ts";
import { type UsageDimension, type UsageRow, webSearches } from "./rows.ts";

/** `speed` is offered, and shown, under a beta header only. */
const speedBeta = "fast-mode-2026-02-01";

const dimensions = [
  "api_key_id",
  "workspace_id",
  "model",
  "service_tier",
  "context_window",
  "inference_geo",
  "account_id",
  "service_account_id",
] as const satisfies readonly UsageDimension[];

const tiers = ["standard", "batch", "priority", "priority_on_demand", "flex", "flex_discount"];

const rules: ReportRules<UsageDimension> = {
  report: "messages",
  groupBy: dimensions,
  filters: {
    account_ids: { dimension: "account_id" },
    api_key_ids: { dimension: "api_key_id" },
    service_account_ids: { dimension: "service_account_id" },
    workspace_ids: { dimension: "workspace_id" },
    models: { dimension: "model" },
    service_tiers: { dimension: "service_tier", values: tiers },
    context_window: { dimension: "context_window", values: ["0-200k", "200k-1M"] },
    inference_geos: { dimension: "inference_geo", values: ["global", "us", "not_available"] },
  },
  limits: {
    "1d": { usual: 7, most: 31 },
    "1h": { usual: 24, most: 168 },
    "1m": { usual: 60, most: 1440 },
  },
};

const betaRules: ReportRules<UsageDimension> = {
  ...rules,
  groupBy: [...rules.groupBy, "speed"],
  filters: { ...rules.filters, speeds: { dimension: "speed", values: ["standard", "fast"] } },
};

/** `GET /v1/organizations/usage_report/messages`: counts per bucket, summed over every dimension that is not grouped by. */
export function messagesUsage({ simulation, account, query, headers }: AuthorizedCall): Answer {
  const isBeta = String(headers["anthropic-beta"] ?? "").includes(speedBeta);
  const asked = readReportQuery(query, isBeta ? betaRules : rules, simulation.now());
  const days = new Map<number, UsageRow[]>();
  const rowsOfDay = (day: number): UsageRow[] => {
    const known = days.get(day);
    if (known !== undefined) return known;
    const { usage } = dayRows(simulation, account, day);
    days.set(day, usage);
    return usage;
  };
  const results = (start: number): JsonObject[] => {
    const rows = rowsOfDay(dayOf(start)).map((row) => ({
      ...row,
      counts: sliceOfDay(row.counts, start, asked.widthSeconds),
    }));
    return groupRows(rows.filter(isUsed), asked.groupBy, asked.filters).map(result);
  };
  return bucketPage(asked, results, {
    main: "data.*.results.*.uncached_input_tokens",
    enumeration: "data.*.results.*.service_tier",
  });
}

function result(group: Group<UsageDimension, UsageRow>): JsonObject {
  const counts = sumCounts(group.rows);
  const shown = dimensions.map((name) => [name, group.dimensions[name] ?? null] as const);
  return {
    uncached_input_tokens: counts["uncached_input_tokens"] ?? 0n,
    cache_read_input_tokens: counts["cache_read_input_tokens"] ?? 0n,
    cache_creation: {
      ephemeral_1h_input_tokens: counts["ephemeral_1h_input_tokens"] ?? 0n,
      ephemeral_5m_input_tokens: counts["ephemeral_5m_input_tokens"] ?? 0n,
    },
    output_tokens: counts["output_tokens"] ?? 0n,
    server_tool_use: { web_search_requests: counts[webSearches] ?? 0n },
    ...Object.fromEntries(shown),
    ...(group.dimensions.speed === undefined ? {} : { speed: group.dimensions.speed }),
  };
}
