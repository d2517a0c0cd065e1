import pl, { type DataFrame, type Expr } from "nodejs-polars";
import type { FocusColumn, FocusModel } from "./columns.ts";
import type { DistinctValues } from "./distinct-values.ts";
import type { Delivered } from "./header.ts";
import { textName } from "./text-names.ts";

/** Number of the record in the file, from 1. */
export const rowName = "record_number";

/**
 * Adds to a text frame the 67 columns of FOCUS in their types and the record's number. A value that cannot be read is
 * null here and stays in its text; decimals are rounded once, half to even, to 12 places.
 */
export async function typedFrame(
  text: DataFrame,
  firstRow: number,
  context: { delivered: Delivered; model: FocusModel; values: DistinctValues },
): Promise<DataFrame> {
  const { delivered, model, values } = context;
  const columns = [...model.columns.values()];
  const asked = columns.flatMap(({ name, type }) => {
    const place = delivered.places.get(name);
    const isRead = type === "TIMESTAMP" || type === "JSON";
    return place === undefined || !isRead ? [] : [{ focusName: name, name: textName(place), type }];
  });
  const read = await values.columns(text, asked);
  const byName = new Map(asked.map(({ focusName }, at) => [focusName, read[at]]));
  const typed = columns.map((column) => {
    const place = delivered.places.get(column.name);
    const value = place === undefined ? absent(column) : (byName.get(column.name) ?? plain(textName(place), column));
    return value.alias(column.name);
  });
  const number = pl.col(rowName).cast(pl.Int64).plus(pl.lit(firstRow)).cast(pl.Int64).alias(rowName);
  return text
    .withRowCount(rowName)
    .lazy()
    .withColumns(number, ...typed)
    .collect();
}

function plain(name: string, { type }: FocusColumn): Expr {
  return type === "BIGNUMERIC" ? pl.col(name).cast(pl.Decimal(38, 12), false) : pl.col(name);
}

function absent(column: FocusColumn): Expr {
  return pl.lit(null).cast(typeOf(column));
}

function typeOf({ type }: FocusColumn) {
  if (type === "BIGNUMERIC") return pl.Decimal(38, 12);
  return type === "TIMESTAMP" ? pl.Datetime("us", "UTC") : pl.Utf8;
}
