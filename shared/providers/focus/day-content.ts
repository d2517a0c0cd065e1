import { createHash } from "node:crypto";
import pl, { type DataFrame } from "nodejs-polars";
import type { Totals } from "#shared/ledger/ledger.ts";
import { amountText, parseAmount } from "#shared/money/amount.ts";
import type { StreamPart } from "../stream.ts";
import type { FocusModel } from "./columns.ts";
import { extraName } from "./table-rows.ts";

export type DayFacts = StreamPart["days"][string];

const dayColumn = "x_charge_date";
const day = pl.col(dayColumn).cast(pl.Utf8).alias("day");
const currency = pl.col("BillingCurrency");
const rowCount = pl.len().alias("n");
const sums = ["BilledCost", "EffectiveCost"].map((name) => pl.col(name).sum().cast(pl.Utf8).alias(name));
/** Rows in this order are the same whatever order a vendor wrote them in, unless they differ in nothing of it. */
const sortKeys = [
  dayColumn,
  "BilledCost",
  "ChargePeriodStart",
  "ResourceId",
  "SkuPriceId",
  "SubAccountId",
  "ChargeDescription",
  "ConsumedQuantity",
  "Tags",
];

/** Cost rows by day, in an order that does not depend on the file's. */
export function sortedByDay(frames: readonly DataFrame[]): Promise<DataFrame> {
  return pl
    .concat([...frames])
    .lazy()
    .sort(sortKeys)
    .collect();
}

/**
 * Hash, number and totals by day of sorted cost rows. The hash covers what the file says of the charges, not which file
 * and record they come from: a file delivered again with the same rows changes nothing.
 */
export async function dayFacts(sorted: DataFrame, model: FocusModel): Promise<Record<string, DayFacts>> {
  const [counts, totals] = await Promise.all([dayCounts(sorted), dayTotals(sorted)]);
  const stated = await contentOf(sorted, model);
  const days: Record<string, DayFacts> = {};
  let start = 0;
  for (const { day: name, rows } of counts) {
    days[name] = { hash: contentHash(stated.slice(start, rows)), rows, totals: totals.get(name) ?? {} };
    start += rows;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return days;
}

/** The columns a hash covers; instants as numbers, because writing them as text takes as long as all the rest. */
async function contentOf(sorted: DataFrame, model: FocusModel): Promise<DataFrame> {
  const instants = [...model.columns.values()].filter(({ type }) => type === "TIMESTAMP").map(({ name }) => name);
  const stated = await sorted.lazy().withColumns(pl.col(instants).cast(pl.Int64)).collect();
  return stated.select(...model.columns.keys(), extraName);
}

/** Columns without a value are left out, so that a column that FOCUS adds later changes no hash. */
function contentHash(rows: DataFrame): string {
  const nulls = rows.nullCount().row(0);
  const present = rows.columns.filter((_, at) => Number(nulls[at]) < rows.height);
  const text = rows.select(...present).writeCSV({ includeHeader: true });
  return createHash("sha256").update(text).digest("hex");
}

async function dayCounts(sorted: DataFrame): Promise<{ day: string; rows: number }[]> {
  const counts = await sorted.lazy().groupBy([day], true).agg(rowCount).collect();
  return counts.rows().map(([name, rows]) => ({ day: String(name), rows: Number(rows) }));
}

async function dayTotals(sorted: DataFrame): Promise<Map<string, Totals>> {
  const totals = new Map<string, Totals>();
  const summed = await sorted
    .lazy()
    .groupBy([day, currency])
    .agg(...sums)
    .collect();
  for (const [name, code, billed, effective] of summed.rows()) {
    const known = totals.get(String(name)) ?? {};
    totals.set(String(name), { ...known, [String(code)]: [plain(billed), plain(effective)] });
  }
  return totals;
}

/** Exact sums of billed and effective cost by currency. */
export async function currencyTotals(cost: DataFrame): Promise<Totals> {
  const summed = await cost
    .lazy()
    .groupBy([currency])
    .agg(...sums)
    .collect();
  return Object.fromEntries(
    summed.rows().map(([code, billed, effective]) => [String(code), [plain(billed), plain(effective)]]),
  );
}

function plain(amount: unknown): string {
  return amountText(parseAmount(String(amount)));
}

export function addTotals(one: Totals, other: Totals): Totals {
  const sum: Totals = { ...one };
  for (const [currency, [billed, effective]] of Object.entries(other)) {
    const [b, e] = sum[currency] ?? ["0", "0"];
    sum[currency] = [added(b, billed), added(e, effective)];
  }
  return sum;
}

function added(one: string, other: string): string {
  return amountText(parseAmount(one).plus(parseAmount(other)));
}
