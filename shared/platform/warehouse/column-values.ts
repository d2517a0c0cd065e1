import pl, { type DataFrame } from "nodejs-polars";
import type { Column } from "./table.ts";

/**
 * The values of one column as JS values, exact: INT64 and decimals as plain text without trailing zeros, DATE
 * `YYYY-MM-DD`, TIMESTAMP RFC 3339 UTC with no, three or six fractional digits, JSON as its text, REPEATED as lists.
 */
export function valuesOf(frame: DataFrame, column: Column): unknown[] {
  if (column.mode === "REPEATED")
    return frame
      .getColumn(column.name)
      .toArray()
      .map((list) => list ?? []);
  switch (column.type) {
    case "BIGNUMERIC":
      return textsOf(frame, column.name).map((text) => text && withoutTrailingZeros(text));
    case "TIMESTAMP":
      return instantsOf(frame, column.name);
    case "INT64":
    case "DATE":
      return textsOf(frame, column.name);
    default:
      return frame.getColumn(column.name).toArray();
  }
}

function textsOf(frame: DataFrame, name: string): (string | null)[] {
  return frame.getColumn(name).cast(pl.Utf8).toArray() as (string | null)[];
}

function instantsOf(frame: DataFrame, name: string): (string | null)[] {
  const texts = frame.select(pl.col(name).date.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")).getColumn(name);
  return (texts.toArray() as (string | null)[]).map((text) => text?.replace(/(?:\.000000|000)Z$/, "Z") ?? null);
}

/** `1.500000000000` is `1.5`, `2.000000000000` is `2`. Decimal text without a point stays as it is. */
function withoutTrailingZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
