import type { DataFrame } from "nodejs-polars";
import { countedDays, type PublishedMonth } from "#shared/ledger/current-batches.ts";
import { parseAmount } from "#shared/money/amount.ts";
import type { FxRate } from "#shared/money/fx.ts";
import type { FxShown } from "#shared/money/fx-answer.ts";
import { type FxBook, lookUpRate } from "#shared/money/fx-look-up.ts";
import { byCodePoint } from "./cost-groups.ts";
import type { Group } from "./frame-groups.ts";

/** Into which currency the rows of an answer are converted, and by which book of rates. */
export interface Conversion {
  /** ISO 4217. */
  currency: string;
  book: FxBook;
}

/** The conversion of one month's rows: a closed month keeps the book it closed with. Source: costs.md 2. */
export interface MonthConversions extends Conversion {
  /** By closed month. */
  closedBooks: ReadonlyMap<string, FxBook>;
}

export function conversionOf(month: string, { currency, book, closedBooks }: MonthConversions): Conversion {
  return { currency, book: closedBooks.get(month) ?? book };
}

/** Columns that say how rows are converted: a rate that is null leaves its rows unconverted. */
export const rateColumn = "rate";
export const fxColumn = "fx";

/** Value of the key `fx` of rows in the target currency, and of rows that no source has a rate for. */
export const sameCurrency = "same";
export const noRate = "none";

const columns = { currency: "BillingCurrency", day: "x_charge_date", billRate: "x_currency_conversion_rate" } as const;

/** What conversion reads of a row beside its amounts. */
export const billRateColumn = columns.billRate;

/** A bill states units of its own currency per US dollar; it says nothing of any other pair. Source: tables.md 4. */
const billTarget = "USD";
const listedAtMost = 100;

/** Everything of the conversion that decides what a month's frame holds: nothing where all rows are in the target. */
export function conversionKey(month: PublishedMonth, { currency, book }: Conversion): string {
  const isForeign = countedDays(month).some(({ totals }) => Object.keys(totals).some((code) => code !== currency));
  return `${currency}|${isForeign ? book.version : "-"}`;
}

/**
 * The rows with the rate of their own charge day and bill beside them; none of them is in the target currency. One look-up
 * per currency, day and bill rate. Source: costs.md 2.
 */
export async function withRates(rows: DataFrame, conversion: Conversion): Promise<DataFrame> {
  const { default: pl } = await import("nodejs-polars");
  const billText = "bill_rate_text";
  const keys = [columns.currency, columns.day, billText];
  const keyed = rows.withColumn(pl.col(columns.billRate).cast(pl.Utf8).fillNull(pl.lit("")).alias(billText));
  const distinct = await keyed.lazy().groupBy(keys).agg(pl.len().alias("rows")).collect();
  const asked = distinct.select(pl.col(columns.currency), pl.col(columns.day).cast(pl.Utf8), pl.col(billText));
  const rates: (FxRate | undefined)[] = [];
  for (const row of asked.toRecords()) {
    const [from, day, bill] = [columns.currency, columns.day, billText].map((name) => String(row[name]));
    rates.push(await rateOf({ from: from ?? "", day: day ?? "", bill: bill ?? "" }, conversion));
  }
  const found = pl.DataFrame([
    ...keys.map((name) => distinct.getColumn(name)),
    pl
      .Series(
        rateColumn,
        rates.map((rate) => rate?.rate ?? null),
        pl.Utf8,
      )
      .cast(pl.Decimal(38, 12), true),
    pl.Series(
      fxColumn,
      rates.map((rate) => (rate === undefined ? noRate : JSON.stringify(rate))),
      pl.Utf8,
    ),
  ]);
  return keyed.lazy().join(found.lazy(), { on: keys, how: "left" }).collect();
}

function rateOf(
  { from, day, bill }: { from: string; day: string; bill: string },
  { currency: to, book }: Conversion,
): Promise<FxRate | undefined> {
  const billRate = to === billTarget && bill !== "" ? parseAmount(bill) : undefined;
  return lookUpRate({ from, to, day, billRate }, book);
}

/** The rates that the rows of an answer were converted with, by pair and day of the rate. Source: costs.md 4. */
export function fxShown(groups: readonly Group<"fx" | "day">[]): FxShown {
  const used = groups.filter(({ key }) => key.fx !== sameCurrency && key.fx !== noRate);
  const distinct = [...new Set(used.map(({ key }) => key.fx))].sort(byCodePoint);
  const rates = distinct.map((text) => JSON.parse(text) as FxRate);
  if (rates.length <= listedAtMost) return rates.sort((a, b) => byCodePoint(orderOf(a), orderOf(b)));
  const pairs = new Map<string, FxRate[]>();
  for (const rate of rates) pairs.set(rate.from, [...(pairs.get(rate.from) ?? []), rate]);
  return [...pairs].sort(([a], [b]) => byCodePoint(a, b)).map(([from, its]) => spanOf(its, daysOf(from, used)));
}

function orderOf({ from, rate_date, carried }: FxRate): string {
  return `${from} ${rate_date} ${carried}`;
}

function daysOf(from: string, used: readonly Group<"fx" | "day">[]): number {
  const own = used.filter(({ key }) => (JSON.parse(key.fx) as FxRate).from === from);
  return new Set(own.map(({ key }) => key.day)).size;
}

function spanOf(rates: readonly FxRate[], days: number): FxShown[number] {
  const sorted = [...rates].sort((a, b) => parseAmount(a.rate).cmp(parseAmount(b.rate)));
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (least === undefined || most === undefined) throw new Error("a pair without a rate");
  return {
    from: least.from,
    to: least.to,
    min_rate: least.rate,
    max_rate: most.rate,
    days,
    carried: rates.some(({ carried }) => carried),
    stale: rates.some(({ stale }) => stale),
  };
}
