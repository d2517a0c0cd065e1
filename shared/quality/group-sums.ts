import { type Decimal, parseAmount } from "#shared/money/amount.ts";
import { type CheckedRows, groupColumn, keyText } from "./checked-rows.ts";

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
  const type = table.columns.find(({ name }) => name === column)?.type;
  const value = type === "BIGNUMERIC" ? pl.col(column) : pl.col(column).cast(pl.Utf8).cast(pl.Decimal(38, 12));
  const isCounted = frame.columns.includes("x_counted") ? pl.col("x_counted").eq(pl.lit(true)) : pl.lit(true);
  const sums = await frame
    .lazy()
    .filter(isCounted)
    .groupBy([groupColumn, ...by])
    .agg(value.sum().cast(pl.Utf8).alias("__sum"))
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
  const counts = await frame.lazy().groupBy([groupColumn]).agg(pl.len().cast(pl.Int64).alias("__count")).collect();
  return new Map(counts.toRecords().map((record) => [String(record[groupColumn]), Number(record["__count"])]));
}
