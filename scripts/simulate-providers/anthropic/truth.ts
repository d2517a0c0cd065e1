import catalogue from "../anthropic-models.json" with { type: "json" };
import { sumCounts } from "../counts.ts";
import { formatDay } from "../days.ts";
import type { Json, JsonObject } from "../json.ts";
import type { Adjustment, Simulation } from "../simulation.ts";
import { causesOf, moneyBy } from "../truth-sums.ts";
import { dayRows } from "./day-rows.ts";
import { type DayRows, type UsageRow, webSearches } from "./rows.ts";

/** Exact totals per day and over all days: money as decimal text in USD (not cents), counts as integers. Summed straight from the rows, apart from the code that groups and pages. */
export function truth(simulation: Simulation, account: string, days: readonly number[]): Json {
  const rows = days.map((day) => ({ day, ...dayRows(simulation, account, day) }));
  return {
    days: rows.map(({ day, usage, costs }) => ({
      day: formatDay(day),
      visible_percent: simulation.visiblePercent(day),
      ...summary({ usage, costs }, simulation.adjustmentsOf("anthropic", account, day)),
    })),
    total: summary(
      { usage: rows.flatMap((row) => row.usage), costs: rows.flatMap((row) => row.costs) },
      days.flatMap((day) => simulation.adjustmentsOf("anthropic", account, day)),
    ),
  };
}

function summary({ usage, costs }: DayRows, adjustments: readonly Adjustment[]): JsonObject {
  return {
    billed: moneyBy(costs, () => catalogue.currency, "currency"),
    line_items: moneyBy(costs, (row) => row.dimensions.description, "line_item"),
    workspaces: moneyBy(costs, (row) => textOf(row.dimensions.workspace_id), "workspace_id"),
    tokens: tokenVector(usage),
    unbilled_tokens: tokenVector(usage.filter(isUnbilled)),
    meters: { web_search_requests: sumCounts(usage)[webSearches] ?? 0n },
    causes: causes({ usage, costs }, adjustments),
  };
}

/** The disjoint vector of providers.md 2.5, over all tiers. */
function tokenVector(rows: readonly UsageRow[]): JsonObject {
  const sums = sumCounts(rows);
  return {
    uncached: sums["uncached_input_tokens"] ?? 0n,
    cache_read: sums["cache_read_input_tokens"] ?? 0n,
    cache_write_5m: sums["ephemeral_5m_input_tokens"] ?? 0n,
    cache_write_1h: sums["ephemeral_1h_input_tokens"] ?? 0n,
    output: sums["output_tokens"] ?? 0n,
  };
}

/** `not_billed_here` has no amount: usage of priority and flex has neither a reported row nor a list price. */
function causes({ usage, costs }: DayRows, adjustments: readonly Adjustment[]): JsonObject[] {
  const rows = costs.map(({ dimensions: { description }, amount, cause }) => ({ description, amount, cause }));
  const unbilled = usage.some(isUnbilled) ? [{ description: "", amount: 0n, cause: "not_billed_here" }] : [];
  return causesOf([...rows, ...unbilled], adjustments, {
    lineItemOf: ({ description }) => description,
    causeOf: ({ cause }) => cause,
  });
}

function isUnbilled({ dimensions }: UsageRow): boolean {
  return dimensions.service_tier !== "standard" && dimensions.service_tier !== "batch";
}

function textOf(value: string | boolean | null | undefined): string | null {
  return typeof value === "string" ? value : null;
}
