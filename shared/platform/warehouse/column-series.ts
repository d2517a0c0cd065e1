import pl, { type DataType, type Series } from "nodejs-polars";
import { AppError } from "#shared/runtime/errors.ts";
import { epochDayOf, epochMicrosecondsOf } from "./instant-text.ts";
import { canonicalJson } from "./json-text.ts";
import type { Column, ColumnType } from "./table.ts";
import { refused } from "./warehouse-errors.ts";

/** A value as polars is given it, before it is cast to the column's type. */
export type Cell = string | number | boolean;
type Parse = (value: unknown) => Cell | undefined;

const INTEGER = /^-?\d{1,19}$/;
const DECIMAL = /^-?\d{1,26}(?:\.\d{1,12})?$/;
const OUT_OF_RANGE = /^-?0*[1-9]\d{26,}(?:\.\d+)?$/;
const LONE_SURROGATE = /\p{Surrogate}/u;
const MAX_INT64 = 2n ** 63n - 1n;

/** The type a column has in frames and Parquet. Source: tables.md section 1. */
export function dataTypeOf(column: Column): DataType {
  if (column.mode === "REPEATED") return pl.List(pl.Utf8);
  return DATA_TYPES[column.type]();
}

const DATA_TYPES: Record<ColumnType, () => DataType> = {
  STRING: () => pl.Utf8,
  INT64: () => pl.Int64,
  BIGNUMERIC: () => pl.Decimal(38, 12),
  BOOL: () => pl.Bool,
  DATE: () => pl.Date,
  TIMESTAMP: () => pl.Datetime("us", "UTC"),
  JSON: () => pl.Utf8,
  FLOAT64: () => pl.Float64,
};

/**
 * One typed column of JS values. Null and undefined are null (an empty list where the column is REPEATED).
 * Errors: `BATCH_REFUSED` naming column and row for a value that is missing or not of the type, never a silent null;
 * `AMOUNT_OUT_OF_RANGE` for a decimal of more than 26 integer digits.
 */
export function seriesOf(column: Column, values: readonly unknown[]): Series {
  const cells = cellsOf(column, values);
  const series = column.mode === "REPEATED" ? listSeries(column.name, cells) : SERIES[column.type](column.name, cells);
  if (series.nullCount() !== nullsOf(cells)) throw turnedIntoNull(column);
  return series;
}

/** The values as polars is given them; errors as those of `seriesOf`. */
export function cellsOf(column: Column, values: readonly unknown[]): (Cell | null)[] {
  if (column.mode === "REPEATED") return listTexts(column, values);
  const parse = parserOf(column);
  return values.map((value, row) => {
    if (value === null || value === undefined) {
      if (column.mode === "REQUIRED") throw refusedCell(column, row, "is required and missing");
      return null;
    }
    const cell = parse(value);
    if (cell === undefined) throw refusedValue(column, row, value);
    return cell;
  });
}

export function nullsOf(cells: readonly (Cell | null)[]): number {
  return cells.reduce<number>((count, cell) => (cell === null ? count + 1 : count), 0);
}

export function turnedIntoNull(column: Column): AppError {
  return refused(`column ${column.name}: a value turned into null`);
}

/** Lists go in as JSON text: polars takes list columns of empty lists only that way, and five times faster. */
function listTexts(column: Column, values: readonly unknown[]): string[] {
  return values.map((value, row) => {
    if (value === null || value === undefined) return "[]";
    if (!Array.isArray(value) || !value.every(isText)) throw refusedCell(column, row, "is not a list of texts");
    return JSON.stringify(value);
  });
}

function listSeries(name: string, texts: (Cell | null)[]): Series {
  const lists = pl.Series(name, texts, pl.Utf8).str.jsonDecode(pl.List(pl.Utf8)) as Series;
  return lists.alias(name);
}

function parserOf(column: Column): Parse {
  if (column.type !== "DATE") return PARSERS[column.type];
  const days = new Map<unknown, number | undefined>();
  return (value) => {
    if (!days.has(value)) days.set(value, PARSERS.DATE(value) as number | undefined);
    return days.get(value);
  };
}

const PARSERS: Record<ColumnType, Parse> = {
  STRING: (value) => (isText(value) ? value : undefined),
  INT64: integerText,
  BIGNUMERIC: (value) => (typeof value === "string" && DECIMAL.test(value) ? value : undefined),
  BOOL: (value) => (typeof value === "boolean" ? value : undefined),
  DATE: (value) => (typeof value === "string" ? epochDayOf(value) : undefined),
  TIMESTAMP: (value) => (typeof value === "string" ? epochMicrosecondsOf(value) : undefined),
  JSON: canonicalJson,
  FLOAT64: (value) => (Number.isFinite(value) ? (value as number) : undefined),
};

/** 64-bit integers travel as text: a JS number in between would round above 2^53. */
const SERIES: Record<ColumnType, (name: string, cells: (Cell | null)[]) => Series> = {
  STRING: (name, cells) => pl.Series(name, cells, pl.Utf8),
  INT64: (name, cells) => pl.Series(name, cells, pl.Utf8).cast(pl.Int64, true),
  BIGNUMERIC: (name, cells) => pl.Series(name, cells, pl.Utf8).cast(pl.Decimal(38, 12), true),
  BOOL: (name, cells) => pl.Series(name, cells, pl.Bool),
  DATE: (name, cells) => pl.Series(name, cells, pl.Int32).cast(pl.Date, true),
  TIMESTAMP: (name, cells) => pl.Series(name, cells, pl.Utf8).cast(pl.Int64, true).cast(pl.Datetime("us", "UTC"), true),
  JSON: (name, cells) => pl.Series(name, cells, pl.Utf8),
  FLOAT64: (name, cells) => pl.Series(name, cells, pl.Float64),
};

function integerText(value: unknown): string | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? String(value) : undefined;
  const text = typeof value === "bigint" ? String(value) : value;
  if (typeof text !== "string" || !INTEGER.test(text)) return undefined;
  const number = BigInt(text);
  return number <= MAX_INT64 && number >= -MAX_INT64 - 1n ? text : undefined;
}

/** A lone surrogate is no Unicode text: storing it would change it. */
function isText(value: unknown): value is string {
  return typeof value === "string" && !LONE_SURROGATE.test(value);
}

function refusedValue(column: Column, row: number, value: unknown): AppError {
  if (column.type !== "BIGNUMERIC" || typeof value !== "string" || !OUT_OF_RANGE.test(value)) {
    return refusedCell(column, row, `is not a ${column.type} that can be stored exactly`);
  }
  const message = `column ${column.name} of row ${row} has more than 26 integer digits`;
  return new AppError("AMOUNT_OUT_OF_RANGE", message, {
    fields: [{ path: `/${row}/${column.name}`, problem: message }],
  });
}

function refusedCell(column: Column, row: number, problem: string): AppError {
  return refused(`column ${column.name} of row ${row} ${problem}`, { path: `/${row}/${column.name}` });
}
