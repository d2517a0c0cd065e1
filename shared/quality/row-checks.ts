import type { Expr } from "nodejs-polars";
import type { MinorDigits } from "#shared/money/currencies.ts";
import {
  type CheckedRows,
  columnOf,
  firstOf,
  groupColumn,
  keyText,
  offendingRows,
  type Polars,
  type Verdict,
} from "./checked-rows.ts";
import type { ExpectationOf } from "./expectation.ts";
import { madeOnce } from "./made-once.ts";

/** Checks that look at rows one by one, or at rows with one key. A group without a verdict passes. */

/** First which columns have any, in two calls for all of them: an expression per column costs a millisecond each. */
export async function notNull({ columns }: ExpectationOf<"not_null">, rows: CheckedRows): Promise<Verdict[]> {
  const { pl, frame, table } = rows;
  const nulls = frame
    .select(...columns)
    .nullCount()
    .row(0);
  const texts = columns.filter((name) =>
    table.columns.some((column) => column.name === name && column.type === "STRING"),
  );
  const empty =
    texts.length === 0
      ? []
      : frame
          .select(
            madeOnce(["empty texts", texts], () =>
              pl
                .cols([...texts])
                .eq(pl.lit(""))
                .sum(),
            ),
          )
          .row(0);
  const withNulls = columns.filter((_, at) => Number(nulls[at] ?? 0) > 0);
  const withEmpty = texts.filter((_, at) => Number(empty[at] ?? 0) > 0);
  if (withNulls.length + withEmpty.length === 0) return [];
  const isMissing = [
    ...withNulls.map((name) => pl.col(name).isNull()),
    ...withEmpty.map((name) => pl.col(name).eq(pl.lit(""))),
  ];
  const bad = [...new Set([...withNulls, ...withEmpty])].sort();
  return offendingRows(rows, anyOf(isMissing), `no null or empty ${bad.join(", ")}`);
}

/** Null equals null: two rows without a key are the same key. */
export async function uniqueKey({ columns }: ExpectationOf<"unique_key">, rows: CheckedRows): Promise<Verdict[]> {
  const { pl, frame } = rows;
  if (await hasNoRepetition(columns, rows)) return [];
  const keys = [groupColumn, ...columns].map((name) => columnOf(pl, name));
  const repeated = await frame
    .lazy()
    .groupBy(keys)
    .agg(madeOnce(["rows of a key"], () => pl.len().alias("__count")))
    .filter(madeOnce(["repeated"], () => pl.col("__count").gt(1)))
    .collect();
  const byGroup = new Map<string, string[]>();
  for (const record of repeated.toRecords()) {
    const group = String(record[groupColumn]);
    byGroup.set(group, [...(byGroup.get(group) ?? []), keyText(columns.map((name) => record[name] ?? null))]);
  }
  return [...byGroup].map(([group, found]) => ({
    group,
    observed: `${found.length} repeated key${found.length === 1 ? "" : "s"}`,
    bound: `one row per ${columns.join(", ")}`,
    offending: firstOf(found.sort()),
  }));
}

/** A key of one column that repeats nowhere repeats in no group; to tell so costs a third of grouping. */
async function hasNoRepetition(columns: readonly string[], { pl, frame }: CheckedRows): Promise<boolean> {
  const [name, ...others] = columns;
  if (name === undefined || others.length > 0) return false;
  const values = madeOnce(["distinct", name], () => pl.col(name).nUnique());
  const distinct = await frame.lazy().select(values).collect();
  return Number(distinct.row(0)[0]) === frame.height;
}

export function valuesInSet({ column, values }: ExpectationOf<"values_in_set">, rows: CheckedRows): Promise<Verdict[]> {
  return offendingRows(rows, isOutside(rows.pl, column, values), `${column} in ${values.slice(0, 20).join(", ")}`);
}

export function currencyKnown(
  { column }: ExpectationOf<"currency_known">,
  rows: CheckedRows,
  currencies: MinorDigits,
): Promise<Verdict[]> {
  return offendingRows(rows, isOutside(rows.pl, column, [...currencies.keys()]), `${column} is an ISO 4217 code`);
}

/** Days count from their start. */
export function noFutureDates(
  { column, grace_hours }: ExpectationOf<"no_future_dates">,
  rows: CheckedRows,
  now: Date,
): Promise<Verdict[]> {
  const { pl } = rows;
  const latest = new Date(now.getTime() + grace_hours * 3_600_000);
  const instant = madeOnce(["instant", column], () => pl.col(column).cast(pl.Datetime("us")).cast(pl.Int64));
  return offendingRows(rows, instant.gt(pl.lit(latest.getTime() * 1000)), `${column} <= ${latest.toISOString()}`);
}

/** No amount of this size can be real (`costs.md` 2). The warehouse itself keeps no more than 12 decimals. */
export function amountsInRange(columns: readonly string[], rows: CheckedRows): Promise<Verdict[]> {
  const { pl } = rows;
  const bound = (text: string): Expr => pl.lit(text).cast(pl.Decimal(38, 12));
  const isTooLarge = madeOnce(["too large", columns], () => {
    const amounts = pl.cols([...columns]);
    return pl.anyHorizontal([amounts.gtEq(bound("1000000000000000")), amounts.ltEq(bound("-1000000000000000"))]);
  });
  return offendingRows(rows, isTooLarge, "amounts below 10^15");
}

function isOutside(pl: Polars, column: string, values: readonly string[]): Expr {
  return madeOnce(["outside", column, values], () => {
    const known = pl.col(column).isIn([...values]);
    return pl.col(column).isNull().or(known.not());
  });
}

function anyOf(conditions: readonly Expr[]): Expr {
  return conditions.reduce((one, other) => one.or(other));
}
