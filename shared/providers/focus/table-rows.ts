import pl, { type DataFrame, type Expr } from "nodejs-polars";
import { isLineageColumn } from "#shared/lineage/lineage.ts";
import { dataTypeOf } from "#shared/platform/warehouse/column-series.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import type { FocusModel } from "./columns.ts";
import type { Delivered } from "./header.ts";
import { jsonWriter, type Member } from "./json-text.ts";
import { rawTableName, rowIds } from "./row-ids.ts";
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
}

/** The rows of some records for both tables, without the lineage that the batch gives them, in the order of the file. */
export interface TableRows {
  cost: DataFrame;
  raw: DataFrame;
}

/** In `cost` beside the columns of the table: the billing period `YYYY-MM`, and what the file says beyond FOCUS. */
export const periodName = "period";
export const extraName = "extra";

/** An `x_extra` that is longer stays out of the cost row; the raw row has it. Source: `tables.md` 4. */
const longestExtraBytes = 8_192;

/** Typed records, all of them usable and filled, to rows; the number is that of the first record. */
export type RowMaking = (typed: DataFrame, firstRow: number) => Promise<TableRows>;

/** Makes what turns the records of one file to rows. Its expressions are made once: each costs a millisecond. */
export function rowMaking(source: RowSource): RowMaking {
  const { model, delivered } = source;
  const unknown = new Set(delivered.unknown.map(textName));
  const writeJson = jsonWriter(membersOf(source), ({ column }) => unknown.has(column));
  const stated = [...rawColumns(source), ...costColumns(source)];
  const nothing = silentColumns(model, stated);
  const values = [...stated, ...nothing].map(([name, value]) => value.alias(name));
  const costNames = [...ownColumns(model.costTable), periodName, extraName];
  const rawNames = ownColumns(model.rawTable);
  return async (typed, firstRow) => {
    const categories = typed.getColumn("ChargeCategory").toArray();
    const ids = rowIds(source.sha256, firstRow, categories);
    const { all, wanted } = await writeJson(typed);
    const rows = await typed
      .withColumns(pl.Series("x_source_record_id", ids.records, pl.Utf8), pl.Series("x_row_id", ids.rows, pl.Utf8))
      .lazy()
      .withColumns(all.alias("record"), wanted.alias(extraName), wanted.alias("x_extra"), ...values)
      .collect();
    return { cost: withoutLongExtra(rows.select(...costNames)), raw: rows.select(...rawNames) };
  };
}

function membersOf({ delivered, model }: RowSource): Member[] {
  const focusNames = new Map([...delivered.places].map(([focusName, place]) => [place, focusName]));
  return delivered.names.map((key, place) => {
    const type = model.columns.get(focusNames.get(place) ?? "")?.type;
    return { key, column: textName(place), isPlain: type === "BIGNUMERIC" || type === "TIMESTAMP" };
  });
}

/** All columns of the table but its lineage. */
function ownColumns(table: TableDefinition): string[] {
  const own = table.columns.filter(({ name }) => !isLineageColumn(name) || name === "x_source_record_id");
  return own.map(({ name }) => name);
}

type Values = [name: string, value: Expr][];

/** What no file states is null, in the column's type. */
function silentColumns(model: FocusModel, stated: Values): Values {
  const known = new Set([...model.columns.keys(), ...stated.map(([name]) => name), "x_row_id", "x_extra"]);
  const nulls = new Map<string, Expr>();
  return model.costTable.columns
    .filter(({ name }) => !known.has(name) && !isLineageColumn(name))
    .map((column) => {
      const value = nulls.get(column.type) ?? pl.lit(null).cast(dataTypeOf(column));
      nulls.set(column.type, value);
      return [column.name, value];
    });
}

function rawColumns({ delivered, sha256, uri }: RowSource): Values {
  return [
    ["charge_date", pl.col("ChargePeriodStart").cast(pl.Date)],
    ["vendor", pl.col("ProviderName")],
    ["focus_version", pl.lit(delivered.version)],
    ["file_uri", pl.lit(uri)],
    ["file_sha256", pl.lit(sha256)],
    ["row_number", pl.col(rowName)],
    ["billing_account_id", pl.col("BillingAccountId")],
    ["billing_period_start", pl.col("BillingPeriodStart")],
    ["charge_category", pl.col("ChargeCategory")],
    ["billed_cost", pl.col("BilledCost")],
    ["billing_currency", pl.col("BillingCurrency")],
  ];
}

function costColumns({ provider, isCloud }: RowSource): Values {
  const isGenerative = pl.col("ServiceSubcategory").eq(pl.lit("Generative AI"));
  const other = pl.lit(isCloud ? "cloud" : "other");
  return [
    [periodName, pl.col("BillingPeriodStart").date.strftime("%Y-%m")],
    ["x_charge_date", pl.col("ChargePeriodStart").cast(pl.Date)],
    ["x_provider", pl.lit(provider)],
    ["x_category", pl.when(isGenerative).then(pl.lit("llm")).otherwise(other)],
    ["x_source_system", pl.lit(rawTableName)],
    ["x_cost_source", pl.lit("provider_reported")],
    ["x_cost_basis", pl.lit("imported")],
    ["x_cost_status", pl.lit("exact")],
    ["x_counted", pl.lit(true)],
  ];
}

/** Looks at the bytes only where the characters leave a doubt. */
function withoutLongExtra(cost: DataFrame): DataFrame {
  const extra = cost.getColumn("x_extra");
  if (extra.nullCount() === cost.height) return cost;
  const longest = extra.str.lengths().max();
  if (longest * 4 <= longestExtraBytes) return cost;
  const texts = extra
    .toArray()
    .map((text) => (typeof text === "string" && Buffer.byteLength(text) > longestExtraBytes ? null : text));
  return cost.withColumn(pl.Series("x_extra", texts, pl.Utf8));
}
