import pl, { type DataFrame, type Expr } from "nodejs-polars";
import type { FocusModel } from "./columns.ts";
import type { Fill } from "./fills.ts";
import type { Delivered } from "./header.ts";
import { jsonWriter, type Member } from "./json-text.ts";
import { rowIds } from "./row-ids.ts";
import { textName } from "./text-names.ts";
import { rowName } from "./typed-frame.ts";

/** Everything beside its rows that a file's rows are made of. */
export interface RowSource {
  model: FocusModel;
  delivered: Delivered;
  /** Registry slug and its category, see `costs.md` 2. */
  provider: string;
  isCloud: boolean;
  sha256: string;
  uri: string;
  fills: readonly Fill[];
}

/** Beside the columns of the tables: the billing period as `yyyymm`, and what the file says beyond FOCUS. */
export const periodName = "period";
export const extraName = "extra";

/** An `x_extra` that is longer stays out of the cost row; the raw row has it. Source: `tables.md` 4. */
const longestExtraBytes = 8_192;

/**
 * Typed records, all of them usable, to filled rows in the order of the file; the number is that of the first. One
 * frame for both tables, and only of what differs between rows: what all share is added when a part is written.
 */
export type RowMaking = (typed: DataFrame, firstRow: number) => Promise<DataFrame>;

/** Makes what turns the records of one file to rows. Its expressions are made once: each costs a millisecond. */
export function rowMaking(source: RowSource): RowMaking {
  const unknown = new Set(source.delivered.unknown.map(textName));
  const writeJson = jsonWriter(membersOf(source), ({ column }) => unknown.has(column));
  const filled = source.fills.map(({ column, value }) => value.alias(column));
  const values = rowValues(source).map(([name, value]) => value.alias(name));
  const names = [...statedNames(source), rowName, ...madeNames].map((name) => pl.col(name));
  return async (typed, firstRow) => {
    const categories = typed.getColumn("ChargeCategory").toArray();
    const ids = await rowIds(source.sha256, firstRow, categories);
    const { all, wanted } = await writeJson(typed);
    const rows = await pl
      .concat([typed, ids], { how: "horizontal" })
      .lazy()
      .withColumns(...filled)
      .withColumns(all.alias("record"), wanted.alias(extraName), wanted.alias("x_extra"), ...values)
      .select(...names)
      .collect();
    return withoutLongExtra(rows);
  };
}

const madeNames = [
  "record",
  "x_source_record_id",
  "x_row_id",
  "x_charge_date",
  "x_category",
  "x_extra",
  extraName,
  periodName,
];

/** The FOCUS columns that the file delivers or that are filled, in the order of the table. */
function statedNames({ model, delivered, fills }: RowSource): string[] {
  const filled = new Set(fills.map(({ column }) => column));
  return [...model.columns.keys()].filter((name) => delivered.places.has(name) || filled.has(name));
}

function membersOf({ delivered, model }: RowSource): Member[] {
  const focusNames = new Map([...delivered.places].map(([focusName, place]) => [place, focusName]));
  return delivered.names.map((key, place) => {
    const type = model.columns.get(focusNames.get(place) ?? "")?.type;
    return { key, column: textName(place), isPlain: type === "BIGNUMERIC" || type === "TIMESTAMP" };
  });
}

function rowValues({ isCloud }: RowSource): [name: string, value: Expr][] {
  const isGenerative = pl.col("ServiceSubcategory").eq(pl.lit("Generative AI"));
  const other = pl.lit(isCloud ? "cloud" : "other");
  const start = pl.col("BillingPeriodStart").date;
  return [
    [periodName, start.year().cast(pl.Int32).mul(pl.lit(100)).plus(start.month().cast(pl.Int32)).cast(pl.Int32)],
    ["x_charge_date", pl.col("ChargePeriodStart").cast(pl.Date)],
    ["x_category", pl.when(isGenerative).then(pl.lit("llm")).otherwise(other)],
  ];
}

/** Looks at the bytes only where the characters leave a doubt. */
function withoutLongExtra(rows: DataFrame): DataFrame {
  const extra = rows.getColumn("x_extra");
  if (extra.nullCount() === rows.height) return rows;
  const longest = extra.str.lengths().max();
  if (longest * 4 <= longestExtraBytes) return rows;
  const texts = extra
    .toArray()
    .map((text) => (typeof text === "string" && Buffer.byteLength(text) > longestExtraBytes ? null : text));
  return rows.withColumn(pl.Series("x_extra", texts, pl.Utf8));
}
