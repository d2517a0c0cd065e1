import { createHash } from "node:crypto";
import pl, { type DataFrame } from "nodejs-polars";
import type { Totals } from "#shared/ledger/ledger.ts";
import { amountText, parseAmount } from "#shared/money/amount.ts";
import type { StreamPart } from "../stream.ts";

export type DayFacts = StreamPart["days"][string];

const dayColumn = "x_charge_date";
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
  return pl.concat([...frames]).lazy().sort(sortKeys).collect();
}

/**
 * Hash, number and totals by day of sorted cost rows. The hash covers what the rows say, not which file and record they
 * come from: a file delivered again with the same rows changes nothing.
 */
export async function dayFacts(sorted: DataFrame, identity: readonly string[]): Promise<Record<string, DayFacts>> {
  const [counts, totals] = await Promise.all([dayCounts(sorted), dayTotals(sorted)]);
  const names = new Set(sorted.columns.filter((name) => !identity.includes(name)));
  const days: Record<string, DayFacts> = {};
  let start = 0;
  for (const { day, rows } of counts) {
    const hash = contentHash(sorted.slice(start, rows), names);
    days[day] = { hash, rows, totals: totals.get(day) ?? {} };
    start += rows;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return days;
}

/** Columns without a value are left out, so that a column that is added to the table later changes no hash. */
function contentHash(rows: DataFrame, names: ReadonlySet<string>): string {
  const nulls = rows.nullCount().row(0);
  const present = rows.columns.filter((name, at) => names.has(name) && Number(nulls[at]) < rows.height);
  const text = rows.select(...present).writeCSV({ includeHeader: true });
  return createHash("sha256").update(text).digest("hex");
}

async function dayCounts(sorted: DataFrame): Promise<{ day: string; rows: number }[]> {
  const day = pl.col(dayColumn).cast(pl.Utf8).alias("day");
  const counts = await sorted.lazy().groupBy([day], true).agg(pl.len().alias("n")).collect();
  const rows = counts.getColumn("n").toArray();
  return counts.getColumn("day").toArray().map((name, at) => ({ day: String(name), rows: Number(rows[at]) }));
}

async function dayTotals(sorted: DataFrame): Promise<Map<string, Totals>> {
  const day = pl.col(dayColumn).cast(pl.Utf8).alias("day");
  const totals = new Map<string, Totals>();
  for (const [name, currency, billed, effective] of await sums(sorted, [day, pl.col("BillingCurrency")])) {
    const known = totals.get(String(name)) ?? {};
    totals.set(String(name), { ...known, [String(currency)]: [plain(billed), plain(effective)] });
  }
  return totals;
}

/** Exact sums of billed and effective cost by currency. */
export async function currencyTotals(cost: DataFrame): Promise<Totals> {
  const rows = await sums(cost, [pl.col("BillingCurrency")]);
  return Object.fromEntries(
    rows.map(([currency, billed, effective]) => [String(currency), [plain(billed), plain(effective)]]),
  );
}

async function sums(frame: DataFrame, by: Parameters<ReturnType<DataFrame["lazy"]>["groupBy"]>[0]): Promise<unknown[][]> {
  const sum = (name: string) => pl.col(name).sum().cast(pl.Utf8).alias(name);
  const summed = await frame.lazy().groupBy(by).agg(sum("BilledCost"), sum("EffectiveCost")).collect();
  return summed.rows();
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
