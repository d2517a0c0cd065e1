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
const recordName = "record";

/** An `x_extra` that is longer stays out of the cost row; the raw row has it. Source: `tables.md` 4. */
const longestExtraBytes = 8_192;

/** Typed records, all of them usable and filled, to rows; the number is that of the first record. */
export type RowMaking = (typed: DataFrame, firstRow: number) => Promise<TableRows>;

/** Makes what turns the records of one file to rows. Its expressions are made once: each costs a millisecond. */
export function rowMaking(source: RowSource): RowMaking {
  const { model, delivered } = source;
  const members = membersOf(source);
  const unknown = new Set(delivered.unknown.map(textName));
  const recordOf = jsonWriter(members);
  const extraOf = jsonWriter(members.filter(({ column }) => unknown.has(column)));
  const raw = selected(model.rawTable, rawColumns(source));
  const period = pl.col("BillingPeriodStart").date.strftime("%Y-%m").alias(periodName);
  const cost = [...selected(model.costTable, costColumns(source)), period, pl.col(extraName)];
  return async (typed, firstRow) => {
    const categories = typed.select("ChargeCategory").rows();
    const ids = rowIds(
      source.sha256,
      firstRow,
      categories.map(([category]) => category),
    );
    const [record, extra] = [await recordOf(typed), await extraOf(typed)];
    const identified = typed
      .withColumns(pl.Series("x_source_record_id", ids.records, pl.Utf8), pl.Series("x_row_id", ids.rows, pl.Utf8))
      .lazy()
      .withColumns(record.alias(recordName), extra.alias(extraName));
    const [costRows, rawRows] = await Promise.all([
      identified.select(...cost).collect(),
      identified.select(...raw).collect(),
    ]);
    return { cost: withoutLongExtra(costRows), raw: rawRows };
  };
}

function membersOf({ delivered, model }: RowSource): Member[] {
  const focusNames = new Map([...delivered.places].map(([focusName, place]) => [place, focusName]));
  return delivered.names.map((key, place) => {
    const type = model.columns.get(focusNames.get(place) ?? "")?.type;
    return { key, column: textName(place), isPlain: type === "BIGNUMERIC" || type === "TIMESTAMP" };
  });
}

/** All columns of the table but its lineage; what nobody states is null. */
function selected(table: TableDefinition, values: Readonly<Record<string, Expr>>): Expr[] {
  return table.columns
    .filter(({ name }) => !isLineageColumn(name) || name === "x_source_record_id")
    .map((column) => (values[column.name] ?? pl.lit(null).cast(dataTypeOf(column))).alias(column.name));
}

function rawColumns({ delivered, sha256, uri }: RowSource): Record<string, Expr> {
  return {
    charge_date: pl.col("ChargePeriodStart").cast(pl.Date),
    vendor: pl.col("ProviderName"),
    focus_version: pl.lit(delivered.version),
    file_uri: pl.lit(uri),
    file_sha256: pl.lit(sha256),
    row_number: pl.col(rowName),
    billing_account_id: pl.col("BillingAccountId"),
    billing_period_start: pl.col("BillingPeriodStart"),
    charge_category: pl.col("ChargeCategory"),
    billed_cost: pl.col("BilledCost"),
    billing_currency: pl.col("BillingCurrency"),
    record: pl.col(recordName),
    x_source_record_id: pl.col("x_source_record_id"),
  };
}

function costColumns({ model, provider, isCloud }: RowSource): Record<string, Expr> {
  const isGenerative = pl.col("ServiceSubcategory").eq(pl.lit("Generative AI"));
  return {
    ...Object.fromEntries([...model.columns.keys()].map((name) => [name, pl.col(name)])),
    x_charge_date: pl.col("ChargePeriodStart").cast(pl.Date),
    x_row_id: pl.col("x_row_id"),
    x_source_record_id: pl.col("x_source_record_id"),
    x_provider: pl.lit(provider),
    x_category: pl
      .when(isGenerative)
      .then(pl.lit("llm"))
      .otherwise(pl.lit(isCloud ? "cloud" : "other")),
    x_source_system: pl.lit(rawTableName),
    x_cost_source: pl.lit("provider_reported"),
    x_cost_basis: pl.lit("imported"),
    x_cost_status: pl.lit("exact"),
    x_counted: pl.lit(true),
    x_extra: pl.col(extraName),
  };
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
