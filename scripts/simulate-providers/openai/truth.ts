import { formatDay } from "../days.ts";
import type { Json, JsonObject } from "../json.ts";
import catalogue from "../openai-models.json" with { type: "json" };
import type { Adjustment, Simulation } from "../simulation.ts";
import { causesOf, moneyBy } from "../truth-sums.ts";
import { dayRows } from "./day-rows.ts";
import type { CostRow, DayRows, UsageRow } from "./rows.ts";

/** Exact totals per day and over all days: money as decimal text, counts as integers. Summed straight from the rows, apart from the code that groups and pages. */
export function truth(simulation: Simulation, account: string, days: readonly number[]): Json {
  const rows = days.map((day) => ({ day, ...dayRows(simulation, account, day) }));
  return {
    days: rows.map(({ day, usage, costs }) => ({
      day: formatDay(day),
      visible_percent: simulation.visiblePercent(day),
      ...summary({ usage, costs }, simulation.adjustmentsOf("openai", account, day)),
    })),
    total: summary(
      { usage: rows.flatMap((row) => row.usage), costs: rows.flatMap((row) => row.costs) },
      days.flatMap((day) => simulation.adjustmentsOf("openai", account, day)),
    ),
  };
}

function summary({ usage, costs }: DayRows, adjustments: readonly Adjustment[]): JsonObject {
  const completions = usage.filter((row) => row.endpoint === "completions");
  return {
    billed: moneyBy(costs, () => catalogue.currency.toUpperCase(), "currency"),
    line_items: moneyBy(costs, (row) => row.dimensions.line_item, "line_item"),
    projects: moneyBy(costs, (row) => textOf(row.dimensions.project_id), "project_id"),
    tokens: tokenVector(completions),
    requests: total(completions, "num_model_requests"),
    meters: metersOf(usage.filter((row) => row.endpoint !== "completions")),
    causes: causesOf(costs, adjustments, { lineItemOf: (row) => row.dimensions.line_item, causeOf }),
  };
}

/** The disjoint vector of providers.md 2.5; the older shape states the total instead of the uncached part. */
function tokenVector(rows: readonly UsageRow[]): JsonObject {
  const uncached = rows.map(({ counts }) => {
    const rest = (counts["input_tokens"] ?? 0n) - (counts["input_cached_tokens"] ?? 0n);
    return counts["input_uncached_tokens"] ?? rest - (counts["input_cache_write_tokens"] ?? 0n);
  });
  return {
    uncached: uncached.reduce((sum, count) => sum + count, 0n),
    cache_read: total(rows, "input_cached_tokens"),
    cache_write: total(rows, "input_cache_write_tokens"),
    output: total(rows, "output_tokens"),
  };
}

function total(rows: readonly UsageRow[], name: string): bigint {
  return rows.reduce((sum, { counts }) => sum + (counts[name] ?? 0n), 0n);
}

function metersOf(rows: readonly UsageRow[]): JsonObject {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row.counts).map((name) => `${row.endpoint}.${name}`)))];
  const sums = names.sort().map((name) => {
    const [endpoint, metric = ""] = name.split(".");
    return [
      name,
      total(
        rows.filter((row) => row.endpoint === endpoint),
        metric,
      ),
    ] as const;
  });
  return Object.fromEntries(sums);
}

function causeOf({ kind, isListed }: CostRow): string | null {
  if (kind === "credit") return "credit_adjustment";
  return isListed ? null : "unpriced_model";
}

function textOf(value: string | boolean | null | undefined): string | null {
  return typeof value === "string" ? value : null;
}
