import { type Decimal, parseAmount } from "#shared/money/amount.ts";
import { type CheckedRows, columnOf, groupColumn, keyText } from "./checked-rows.ts";
import { madeOnce } from "./made-once.ts";

export interface GroupSum {
  group: string;
  /** The values of the further columns, as text. */
  key: string;
  sum: Decimal;
}

/** Exact sums of a column per group and further columns; of the rows that count, where a table says which do. */
export async function sumsBy(
  { pl, frame, table }: CheckedRows,
  column: string,
  by: readonly string[],
): Promise<Map<string, GroupSum>> {
  if (frame.height === 0) return new Map();
  const type = table.columns.find(({ name }) => name === column)?.type;
  const sum = madeOnce(["sum", column, type], () => {
    const value = type === "BIGNUMERIC" ? pl.col(column) : pl.col(column).cast(pl.Utf8).cast(pl.Decimal(38, 12));
    return value.sum().cast(pl.Utf8).alias("__sum");
  });
  const isCounted = madeOnce(["counted"], () => pl.col("x_counted").eq(pl.lit(true)));
  const rows = frame.lazy();
  const sums = await (frame.columns.includes("x_counted") ? rows.filter(isCounted) : rows)
    .groupBy([groupColumn, ...by].map((name) => columnOf(pl, name)))
    .agg(sum)
    .collect();
  return new Map(
    sums.toRecords().map((record) => {
      const group = String(record[groupColumn]);
      const key = keyText(by.map((name) => record[name] ?? null));
      return [`${group} ${key}`, { group, key, sum: parseAmount(String(record["__sum"] ?? "0")) }];
    }),
  );
}

export async function countsByGroup({ pl, frame }: CheckedRows): Promise<Map<string, number>> {
  if (frame.height === 0) return new Map();
  const count = madeOnce(["count"], () => pl.len().cast(pl.Int64).alias("__count"));
  const counts = await frame
    .lazy()
    .groupBy([columnOf(pl, groupColumn)])
    .agg(count)
    .collect();
  return new Map(counts.toRecords().map((record) => [String(record[groupColumn]), Number(record["__count"])]));
}
