import pl, { type DataFrame, type Expr } from "nodejs-polars";
import type { FocusColumn, FocusModel } from "./columns.ts";
import { distinctReader, type ReadKind } from "./distinct-values.ts";
import type { Delivered } from "./header.ts";
import { textName } from "./text-names.ts";

/** Number of the record in the file, from 1. */
export const rowName = "record_number";

/** A text frame whose first record has this number, with typed columns beside its texts. */
export type Typing = (text: DataFrame, firstRow: number) => Promise<DataFrame>;

/**
 * Makes what adds the 67 columns of FOCUS in their types, and each record's number, to the text frames of one file. A
 * value that cannot be read is null and stays in its text; decimals are rounded once, half to even, to 12 places.
 * Expressions are made once per file: each costs a millisecond.
 */
export function typing(delivered: Delivered, model: FocusModel): Typing {
  const columns = [...model.columns.values()];
  const read = distinctReader(
    columns.flatMap(({ name, type }) => {
      const place = delivered.places.get(name);
      const kind = readKinds[type];
      return place === undefined || kind === undefined ? [] : [{ from: textName(place), to: name, kind }];
    }),
  );
  const nothing = { BIGNUMERIC: absent("BIGNUMERIC"), TIMESTAMP: absent("TIMESTAMP"), STRING: absent("STRING") };
  const fixed = columns.flatMap(({ name, type }) => {
    const place = delivered.places.get(name);
    if (place === undefined)
      return nothing[type === "BIGNUMERIC" || type === "TIMESTAMP" ? type : "STRING"].alias(name);
    return readKinds[type] === undefined ? plain(textName(place), type).alias(name) : [];
  });
  const place = pl.col(rowName).cast(pl.Int64);
  return async (text, firstRow) => {
    const number = place.plus(pl.lit(firstRow)).cast(pl.Int64);
    const values = await read(text);
    return text
      .withRowCount(rowName)
      .lazy()
      .withColumns(number, ...fixed, ...values)
      .collect();
  };
}

const readKinds: Partial<Record<FocusColumn["type"], ReadKind>> = { TIMESTAMP: "instant", JSON: "object" };

function plain(name: string, type: FocusColumn["type"]): Expr {
  return type === "BIGNUMERIC" ? pl.col(name).cast(pl.Decimal(38, 12), false) : pl.col(name);
}

function absent(type: "BIGNUMERIC" | "TIMESTAMP" | "STRING"): Expr {
  const nothing = pl.lit(null);
  if (type === "BIGNUMERIC") return nothing.cast(pl.Decimal(38, 12));
  return nothing.cast(type === "TIMESTAMP" ? pl.Datetime("us", "UTC") : pl.Utf8);
}
