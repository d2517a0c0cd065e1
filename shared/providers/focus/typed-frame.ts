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
  const columns = [...model.columns.values()].map((column) => {
    const place = delivered.places.get(column.name);
    return (place === undefined ? absent(column) : typed(text, textName(place), column, values)).alias(column.name);
  });
  const numbered = text.withRowCount(rowName);
  return numbered
    .lazy()
    .withColumns(pl.col(rowName).cast(pl.Int64).plus(pl.lit(firstRow)).cast(pl.Int64).alias(rowName), ...columns)
    .collect();
}

function typed(text: DataFrame, name: string, column: FocusColumn, values: DistinctValues): Expr {
  if (column.type === "STRING") return pl.col(name);
  if (column.type === "BIGNUMERIC") return pl.col(name).cast(pl.Decimal(38, 12), false);
  return values.column(text, name, column.type);
}

function absent(column: FocusColumn): Expr {
  return pl.lit(null).cast(typeOf(column));
}

function typeOf({ type }: FocusColumn) {
  if (type === "BIGNUMERIC") return pl.Decimal(38, 12);
  return type === "TIMESTAMP" ? pl.Datetime("us", "UTC") : pl.Utf8;
}
