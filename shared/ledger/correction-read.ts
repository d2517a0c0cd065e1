import { parseAmount } from "#shared/money/amount.ts";
import type { BatchDays, TableSource, Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { type Correction, costColumns } from "./correction-groups.ts";
import { keptColumns } from "./correction-rows.ts";

const dayColumn = "x_charge_date";

/** The counted rows of some batches and days by day and by what a correction tells apart, with exact sums. */
export async function costGroups(
  pairs: readonly BatchDays[],
  source: TableSource,
  warehouse: Warehouse,
): Promise<Correction[]> {
  if (pairs.length === 0) return [];
  const frame = await warehouse.read(source, pairs, [...keptColumns, ...costColumns, dayColumn, "x_counted"]);
  const { default: pl } = await import("nodejs-polars");
  const sums = await frame
    .lazy()
    .filter(pl.col("x_counted").eq(pl.lit(true)))
    .withColumns(...costColumns.map((name) => pl.col(name).cast(pl.Decimal(38, 12), true)))
    .groupBy([...keptColumns, dayColumn])
    .agg(pl.cols([...costColumns]).sum())
    .withColumns(...[...costColumns, dayColumn].map((name) => pl.col(name).cast(pl.Utf8)))
    .collect();
  return sums.toRecords().map((row): Correction => {
    const columns = Object.fromEntries(keptColumns.map((name) => [name, row[name] ?? null]));
    const [billed, effective, list, contracted] = costColumns.map((name) => parseAmount(String(row[name])));
    if (billed === undefined || effective === undefined || list === undefined || contracted === undefined)
      throw new Error("a row of cost without its four costs");
    return { key: keyOf(columns), columns, costs: [billed, effective, list, contracted], day: String(row[dayColumn]) };
  });
}

/** The same for the same columns, however their labels are ordered. */
export function keyOf(columns: Record<string, unknown>): string {
  return JSON.stringify(keptColumns.map((name) => (name === "Tags" ? orderedTags(columns[name]) : columns[name])));
}

function orderedTags(text: unknown): unknown {
  if (typeof text !== "string") return text;
  const tags = JSON.parse(text) as Record<string, unknown>;
  return Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1));
}
