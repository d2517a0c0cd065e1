import { parseAmount } from "#shared/money/amount.ts";
import type { DemoResult } from "./demo.ts";

interface Group {
  provider: string;
  provider_name?: string;
  total_cost: string;
  percentage: number | null;
  record_count: number;
}

const bars = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/** The summary as people read it in a terminal: cost by provider, a sparkline of the days, what the file held. */
export function demoReport({ summary, imported, quota }: DemoResult): string {
  const currency = String(summary["currency"]);
  const groups = summary["breakdown_by_provider"] as Group[];
  const rows = [
    ["provider", `cost (${currency})`, "share", "records"],
    ...groups.map((group) => [
      group.provider_name ?? group.provider,
      group.total_cost,
      `${group.percentage ?? 0} %`,
      String(group.record_count),
    ]),
    ["total", String(summary["total_cost"]), "", String(summary["record_count"])],
  ];
  const range = summary["date_range"] as { start_date: string; end_date: string };
  const trend = summary["daily_trend"] as { total_cost: string }[];
  const days = trend.slice(-92).map(({ total_cost }) => total_cost);
  return [
    "",
    table(rows),
    "",
    `${range.start_date} to ${range.end_date}, per day${trend.length > days.length ? ` (last ${days.length})` : ""}:  ${sparkline(days)}`,
    `imported file: ${imported.rows} rows, billed ${imported.billed_cost}, effective ${imported.effective_cost}`,
    `quota: ${String(quota["pipelines_run_today"])} of ${String(quota["daily_limit"])} runs today, ${String(quota["configured_providers_count"])} of ${String(quota["providers_limit"])} providers`,
    "",
  ].join("\n");
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("   ");
  const rule = widths.map((width) => "-".repeat(width)).join("   ");
  return [line(rows[0] ?? []), rule, ...rows.slice(1, -1).map(line), rule, line(rows.at(-1) ?? [])].join("\n");
}

/** One bar per day, from the smallest to the largest amount. */
export function sparkline(amounts: readonly string[]): string {
  const values = amounts.map(parseAmount);
  const largest = values.reduce((most, value) => (value.gt(most) ? value : most), parseAmount("0"));
  if (largest.isZero()) return bars[0]?.repeat(values.length) ?? "";
  return values.map((value) => bars[Math.max(0, Math.min(7, value.div(largest).times(7).round().toNumber()))]).join("");
}
