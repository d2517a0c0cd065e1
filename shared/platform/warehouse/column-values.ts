import pl, { type DataFrame, type Expr } from "nodejs-polars";
import { maximumFewRows } from "./few-rows.ts";
import type { Column } from "./table.ts";

const instantFormat = "%Y-%m-%dT%H:%M:%S%.6fZ";

/**
 * The values of one column as JS values, exact: INT64 and decimals as plain text without trailing zeros, DATE
 * `YYYY-MM-DD`, TIMESTAMP RFC 3339 UTC with no, three or six fractional digits, JSON as its text, REPEATED as lists.
 */
export function valuesOf(frame: DataFrame, column: Column): unknown[] {
  return cellsOf(frame, column).map((cell) => plain(column, cell));
}

/**
 * The values of all of the frame's columns, which are given in the frame's order; each as `valuesOf` gives them. Few rows
 * are read in one call: a series takes half a millisecond to make, however short it is.
 */
export function allValuesOf(frame: DataFrame, columns: readonly Column[]): unknown[][] {
  if (frame.height > maximumFewRows) return columns.map((column) => valuesOf(frame, column));
  const texts = textsOf(columns);
  const rows = (texts.length === 0 ? frame : frame.withColumns(...texts)).rows();
  return columns.map((column, at) => rows.map((row) => plain(column, row[at])));
}

function cellsOf(frame: DataFrame, column: Column): unknown[] {
  const [text] = textsOf([column]);
  return (text === undefined ? frame : frame.select(text)).getColumn(column.name).toArray();
}

/** Turn the columns into texts whose JS values would not be exact or not be readable. */
function textsOf(columns: readonly Column[]): Expr[] {
  const named = (...types: Column["type"][]): string[] =>
    columns.filter(({ type, mode }) => mode !== "REPEATED" && types.includes(type)).map(({ name }) => name);
  const exact = named("BIGNUMERIC", "INT64", "DATE");
  const instants = named("TIMESTAMP");
  return [
    ...(exact.length === 0 ? [] : [pl.cols(exact).cast(pl.Utf8)]),
    ...(instants.length === 0 ? [] : [pl.cols(instants).date.strftime(instantFormat)]),
  ];
}

function plain({ type, mode }: Column, cell: unknown): unknown {
  if (mode === "REPEATED") return cell ?? [];
  if (typeof cell !== "string") return cell;
  if (type === "BIGNUMERIC") return withoutTrailingZeros(cell);
  return type === "TIMESTAMP" ? cell.replace(/(?:\.000000|000)Z$/, "Z") : cell;
}

/** `1.500000000000` is `1.5`, `2.000000000000` is `2`. Decimal text without a point stays as it is. */
function withoutTrailingZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
