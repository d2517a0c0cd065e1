import pl, { type DataFrame, type DataType, type Expr } from "nodejs-polars";
import { type Cell, cellsOf, nullsOf, turnedIntoNull } from "./column-series.ts";
import type { Column, ColumnType } from "./table.ts";

/** From about ten thousand rows on a series per column is the cheaper way. */
export const maximumFewRows = 1_000;

/**
 * Few rows as a frame, like one series per column (`seriesOf`, whose errors these are) but in one call for all columns:
 * a series or an expression takes half a millisecond to make, and the longer to forget, however short it is.
 */
export function frameOfFew(columns: readonly Column[], rows: readonly Record<string, unknown>[]): DataFrame {
  const records: Record<string, Cell>[] = rows.map(() => ({}));
  const nulls = columns.map((column) => {
    const cells = cellsOf(
      column,
      rows.map((row) => row[column.name]),
    );
    for (const [row, record] of records.entries()) {
      const cell = cells[row] ?? null;
      if (cell !== null) record[column.name] = cell;
    }
    return nullsOf(cells);
  });
  const schema = Object.fromEntries(columns.map((column) => [column.name, givenTypeOf(column)]));
  const given = pl.readRecords(records, { schema });
  const casts = castsTo(columns);
  const frame = casts.length === 0 ? given : given.withColumns(...casts);
  const found = frame.nullCount().row(0);
  const wrong = columns.find((_, at) => Number(found[at]) !== nulls[at]);
  if (wrong !== undefined) throw turnedIntoNull(wrong);
  return frame;
}

const givenTypes: Partial<Record<ColumnType, DataType>> = { BOOL: pl.Bool, DATE: pl.Int32, FLOAT64: pl.Float64 };

/** The type in which polars is given a cell. */
function givenTypeOf({ type, mode }: Column): DataType {
  return mode === "REPEATED" ? pl.Utf8 : (givenTypes[type] ?? pl.Utf8);
}

const made = new WeakMap<readonly Column[], Expr[]>();

/** Expressions that turn given cells into the columns' types; kept per definition. */
function castsTo(columns: readonly Column[]): Expr[] {
  const known = made.get(columns) ?? newCasts(columns);
  made.set(columns, known);
  return known;
}

function newCasts(columns: readonly Column[]): Expr[] {
  const single = columns.filter(({ mode }) => mode !== "REPEATED");
  const all = (type: ColumnType, cast: (cells: Expr) => Expr): Expr[] => {
    const names = single.filter((column) => column.type === type).map(({ name }) => name);
    return names.length === 0 ? [] : [cast(pl.cols(names))];
  };
  return [
    ...all("INT64", (cells) => cells.cast(pl.Int64, true)),
    ...all("BIGNUMERIC", (cells) => cells.cast(pl.Decimal(38, 12), true)),
    ...all("DATE", (cells) => cells.cast(pl.Date, true)),
    ...all("TIMESTAMP", (cells) => cells.cast(pl.Int64, true).cast(pl.Datetime("us", "UTC"), true)),
    ...columns.flatMap(({ name, mode }) => (mode === "REPEATED" ? [listsOf(name)] : [])),
  ];
}

function listsOf(name: string): Expr {
  return pl.col(name).str.jsonDecode(pl.List(pl.Utf8)) as Expr;
}
