import pl, { type DataFrame } from "nodejs-polars";
import { dataTypeOf, seriesOf } from "./column-series.ts";
import { allValuesOf } from "./column-values.ts";
import { frameOfFew, maximumFewRows } from "./few-rows.ts";
import type { Column, TableDefinition } from "./table.ts";
import { refused } from "./warehouse-errors.ts";

/**
 * Rows to a frame with all columns of the definition, in its order and with its types (`table.ts`). Amounts are plain
 * decimal text, DATE is `YYYY-MM-DD`, TIMESTAMP is RFC 3339 with an offset (cut to microseconds, stored in UTC), INT64
 * a number, bigint or text, JSON an object, list or the text of one, REPEATED a list of texts; null or absent is null.
 * Errors: `BATCH_REFUSED` naming column and row (missing REQUIRED value, wrong value, key that is no column),
 * `AMOUNT_OUT_OF_RANGE`.
 */
export function frameOf(table: TableDefinition, rows: readonly Record<string, unknown>[]): DataFrame {
  refuseUnknownKeys(table, rows);
  if (rows.length <= maximumFewRows) return frameOfFew(table.columns, rows);
  return pl.DataFrame(
    table.columns.map((column) =>
      seriesOf(
        column,
        rows.map((row) => row[column.name]),
      ),
    ),
  );
}

/**
 * A frame of the table, or of some of its columns, to rows. Amounts are plain decimal text without trailing zeros,
 * dates text, timestamps RFC 3339 UTC, INT64 a number (a bigint when it does not fit exactly), JSON the value itself.
 * For tests and small reads: it holds every cell as a JS value.
 */
export function rowsOf(frame: DataFrame, table: TableDefinition): Record<string, unknown>[] {
  const columns = columnsNamed(table, frame.columns);
  const all = allValuesOf(frame, columns);
  const values = columns.map((column, at) => (all[at] ?? []).map((value) => readable(column, value)));
  return Array.from({ length: frame.height }, (_, row) =>
    Object.fromEntries(columns.map((column, index) => [column.name, values[index]?.[row] ?? null])),
  );
}

/** The definitions of the named columns, in the asked order. Errors: `BATCH_REFUSED` for a name the table lacks. */
export function columnsNamed(table: TableDefinition, names: readonly string[]): Column[] {
  const byName = new Map(table.columns.map((column) => [column.name, column]));
  return names.map((name) => {
    const column = byName.get(name);
    if (!column) throw refused(`table ${table.name} has no column ${name}`);
    return column;
  });
}

/** No rows, but the columns with their types. */
export function emptyFrame(columns: readonly Column[]): DataFrame {
  return pl.readRecords([], { schema: Object.fromEntries(columns.map((column) => [column.name, dataTypeOf(column)])) });
}

/** The frame's columns that do not have the definition's type. Asks for all types at once: one by one takes a while. */
export function wronglyTyped(frame: DataFrame, columns: readonly Column[]): Column[] {
  const { dtypes } = frame;
  const types = new Map(frame.columns.map((name, at) => [name, typeText(dtypes[at])]));
  return columns.filter((column) => types.get(column.name) !== typeText(dataTypeOf(column)));
}

/** Utf8 is polars' older name of String; it uses both. */
function typeText(type: unknown): string {
  return String(type).replaceAll("Utf8", "String");
}

function readable(column: Column, value: unknown): unknown {
  if (typeof value !== "string") return value;
  if (column.type === "JSON") return JSON.parse(value);
  if (column.type !== "INT64") return value;
  return Number.isSafeInteger(Number(value)) ? Number(value) : BigInt(value);
}

function refuseUnknownKeys(table: TableDefinition, rows: readonly Record<string, unknown>[]): void {
  const known = new Set(table.columns.map((column) => column.name));
  rows.forEach((row, index) => {
    for (const key of Object.keys(row)) {
      if (!known.has(key)) throw refused(`row ${index} has the key ${key}, which is no column of ${table.name}`);
    }
  });
}
