import { createHash } from "node:crypto";
import pl, { type DataFrame } from "nodejs-polars";
import type { Totals } from "#shared/ledger/ledger.ts";
import { amountText, parseAmount } from "#shared/money/amount.ts";
import type { StreamPart } from "../stream.ts";
import type { FocusModel } from "./columns.ts";
import { extraName } from "./table-rows.ts";

export type DayFacts = StreamPart["days"][string];

const dayColumn = "x_charge_date";
/** Of groups, not of rows: text of a million days costs more than grouping them. */
const dayText = pl.col(dayColumn).cast(pl.Utf8).alias("day");
const currency = pl.col("BillingCurrency");
const rowCount = pl.len().alias("n");
const sumNames = ["BilledCost", "EffectiveCost"];
const sums = sumNames.map((name) => pl.col(name).sum().cast(pl.Utf8).alias(name));
const rowsOfText = 10_000;
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

/** Rows by day, in an order that does not depend on the file's. */
export async function sortedByDay(frames: readonly DataFrame[]): Promise<DataFrame> {
  const rows = pl.concat([...frames]);
  const stated = new Set(rows.columns);
  return rows
    .lazy()
    .sort(sortKeys.filter((name) => stated.has(name)))
    .collect();
}

/**
 * Hash, number and totals by day of sorted cost rows. The hash covers what the file says of the charges, not which file
 * and record they come from: a file delivered again with the same rows changes nothing.
 */
export async function dayFacts(sorted: DataFrame, model: FocusModel): Promise<Record<string, DayFacts>> {
  const stated = await contentOf(sorted, model);
  const [contents, totals] = await Promise.all([dayContents(sorted, stated), dayTotals(sorted)]);
  const days: Record<string, DayFacts> = {};
  for (const { day, rows } of contents) {
    days[day] = { hash: await contentHash(rows), rows: rows.height, totals: totals.get(day) ?? {} };
  }
  return days;
}

/** Of the rows as CSV with a header. Others get a turn between pieces: a day may be a whole file. */
async function contentHash(rows: DataFrame): Promise<string> {
  const hash = createHash("sha256");
  for (let start = 0; start < rows.height; start += rowsOfText) {
    hash.update(rows.slice(start, rowsOfText).writeCSV({ includeHeader: start === 0 }));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return hash.digest("hex");
}

/** The columns a hash covers; instants as numbers, because writing them as text takes as long as all the rest. */
async function contentOf(sorted: DataFrame, model: FocusModel): Promise<DataFrame> {
  const columns = sorted.columns.flatMap((name) => model.columns.get(name) ?? []);
  const instants = columns.filter(({ type }) => type === "TIMESTAMP").map(({ name }) => name);
  const stated = sorted.select(...columns.map(({ name }) => name), extraName);
  return stated.lazy().withColumns(pl.col(instants).cast(pl.Int64)).collect();
}

/**
 * The rows of each day. Columns without a value on it are left out, so that a column that FOCUS adds later changes no
 * hash. All days are looked at together: they are many, and asking each for its nulls took longer than its text.
 */
async function dayContents(sorted: DataFrame, stated: DataFrame): Promise<{ day: string; rows: DataFrame }[]> {
  const nulls = stated.nullCount().row(0).map(Number);
  const present = stated.columns.filter((_, at) => nulls[at] !== stated.height);
  const doubtful = stated.columns.filter((_, at) => nulls[at] !== 0 && nulls[at] !== stated.height);
  const counts = await sorted
    .lazy()
    .groupBy([dayColumn], true)
    .agg(...(doubtful.length === 0 ? [rowCount] : [rowCount, pl.col(doubtful).nullCount()]))
    .collect();
  const text = counts.select(dayText).getColumn("day").toArray();
  const contents = new Map<string, DataFrame>();
  let start = 0;
  return counts.rows().map(([, count, ...missing], at) => {
    const rows = Number(count);
    const absent = new Set(doubtful.filter((_, place) => Number(missing[place]) === rows));
    const names = present.filter((name) => !absent.has(name));
    const content = contents.get(names.join()) ?? stated.select(...names);
    contents.set(names.join(), content);
    start += rows;
    return { day: String(text[at]), rows: content.slice(start - rows, rows) };
  });
}

async function dayTotals(sorted: DataFrame): Promise<Map<string, Totals>> {
  const totals = new Map<string, Totals>();
  const summed = await sorted
    .lazy()
    .groupBy([dayColumn, "BillingCurrency"])
    .agg(...sums)
    .select(dayText, currency, ...sumNames)
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
