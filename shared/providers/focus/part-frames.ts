import pl, { type DataFrame, type Expr } from "nodejs-polars";
import { isLineageColumn } from "#shared/lineage/lineage.ts";
import { dataTypeOf } from "#shared/platform/warehouse/column-series.ts";
import { epochMicrosecondsOf } from "#shared/platform/warehouse/instant-text.ts";
import type { Column, TableDefinition } from "#shared/platform/warehouse/table.ts";
import { rawTableName } from "./row-ids.ts";
import type { RowSource } from "./table-rows.ts";
import { rowName } from "./typed-frame.ts";

/** The lineage of every row of a part but its own record id. */
export type Lineage = Record<string, string | boolean | null>;

/** Rows as `rowMaking` makes them, to all columns of a table: what all rows of a part share comes in here. */
export type PartFrame = (rows: DataFrame, lineage: Lineage) => Promise<DataFrame>;

/** Makes what turns rows of one file to its two tables. Expressions are made once: each costs a millisecond. */
export function partFrames(source: RowSource): { cost: PartFrame; raw: PartFrame } {
  const { costTable, rawTable } = source.model;
  return {
    cost: partFrame(costTable, costColumns(source)),
    raw: partFrame(rawTable, rawColumns(source)),
  };
}

type Values = Record<string, Expr>;

/** A column is a value given here, one of the rows' own of the same name, lineage, or null throughout. */
function partFrame(table: TableDefinition, values: Values): PartFrame {
  const names = table.columns.map(({ name }) => name);
  const given = Object.entries(values).map(([name, value]) => value.alias(name));
  let silent: Expr[] | undefined;
  const literals = new Map<string, Expr>();
  const literalOf = ({ name, type }: Column, value: string | boolean | null): Expr => {
    const key = `${name}=${value}`;
    const made = literals.get(key) ?? literal(type, value).alias(name);
    literals.set(key, made);
    return made;
  };
  return async (rows, lineage) => {
    silent ??= silentColumns(table, new Set([...rows.columns, ...Object.keys(values)]));
    const shared = table.columns.flatMap((column) => {
      const value = lineage[column.name];
      return value === undefined ? [] : literalOf(column, value);
    });
    const whole = await rows
      .lazy()
      .withColumns(...given, ...silent, ...shared)
      .collect();
    return whole.select(...names);
  };
}

function silentColumns(table: TableDefinition, known: ReadonlySet<string>): Expr[] {
  const nulls = new Map<Column["type"], Expr>();
  return table.columns
    .filter(({ name }) => !known.has(name) && !isLineageColumn(name))
    .map((column) => {
      const value = nulls.get(column.type) ?? pl.lit(null).cast(dataTypeOf(column));
      nulls.set(column.type, value);
      return value.alias(column.name);
    });
}

function costColumns({ provider }: RowSource): Values {
  return {
    x_provider: pl.lit(provider),
    x_source_system: pl.lit(rawTableName),
    x_cost_source: pl.lit("provider_reported"),
    x_cost_basis: pl.lit("imported"),
    x_cost_status: pl.lit("exact"),
    x_counted: pl.lit(true),
  };
}

function rawColumns({ delivered, sha256, uri }: RowSource): Values {
  return {
    charge_date: pl.col("x_charge_date"),
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
  };
}

function literal(type: string, value: string | boolean | null): Expr {
  if (type === "DATE") return pl.lit(value).cast(pl.Date);
  if (type === "BOOL") return pl.lit(value).cast(pl.Bool);
  if (type !== "TIMESTAMP") return value === null ? pl.lit(null).cast(pl.Utf8) : pl.lit(value);
  const micros = typeof value === "string" ? Number(epochMicrosecondsOf(value)) : null;
  return pl.lit(micros).cast(pl.Int64).cast(pl.Datetime("us", "UTC"));
}
