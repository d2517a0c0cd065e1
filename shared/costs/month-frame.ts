import type { DataFrame, Expr } from "nodejs-polars";
import { batchDaysOf, type PublishedMonth } from "#shared/ledger/current-batches.ts";
import { type Decimal, parseAmount, zero } from "#shared/money/amount.ts";
import type { TableSource, Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { amountNames, bases } from "./sums.ts";

/** What polars is called here; imported when the first frame is needed, because loading it is slow. */
type Polars = typeof import("nodejs-polars")["default"];

/** All counted rows of a published month, grouped by `frameKeys`, with exact sums `amountNames` and `rows`. */
export interface MonthFrame {
  frame: DataFrame;
  /** Estimate. */
  bytes: number;
}

/** The columns a month frame is grouped by, and the column of `cost_data_standard` each comes from. */
const keyColumns = {
  day: "x_charge_date",
  provider: "x_provider",
  category: "x_category",
  service: "ServiceName",
  service_category: "ServiceCategory",
  charge_category: "ChargeCategory",
  currency: "BillingCurrency",
  pipeline: "x_pipeline_id",
  source: "x_source",
  simulated: "x_simulated",
} as const;

export type FrameKey = keyof typeof keyColumns;

const costColumns = {
  effective: "EffectiveCost",
  billed: "BilledCost",
  list: "ListCost",
  contracted: "ContractedCost",
} as const satisfies Record<(typeof bases)[number], string>;

const chargeClass = "ChargeClass";
const neverNull = [...Object.values(keyColumns), ...Object.values(costColumns), "x_counted"];
const bytesPerGroup = 320;

/**
 * Reads the current (batch, day) pairs of a month once and groups them. Amounts stay Decimal(38,12), so sums are exact.
 * Error: `WAREHOUSE_UNAVAILABLE` when the store does not answer, or holds other money than the ledger published.
 */
export async function buildMonthFrame(
  month: PublishedMonth,
  source: TableSource,
  warehouse: Warehouse,
): Promise<MonthFrame> {
  const parts = batchDaysOf(month.days, source.table.name);
  const rows = await warehouse.read(source, parts, [...neverNull, chargeClass]);
  refuseNulls(rows, month.month);
  const { default: pl } = await import("nodejs-polars");
  const frame = await groupedRows(pl, await withComposedText(pl, rows));
  await refuseOtherMoney(pl, frame, month);
  return { frame, bytes: frame.height * bytesPerGroup };
}

/** A null in any of these would be a row or an amount silently lost: the sum of nulls is 0. */
function refuseNulls(rows: DataFrame, month: string): void {
  const column = neverNull.find((name) => rows.getColumn(name).nullCount() > 0);
  if (column !== undefined) throw damaged(month, `a row without ${column}`);
}

/** Names that look alike are one group, whichever way their accents were written. */
async function withComposedText(pl: Polars, rows: DataFrame): Promise<DataFrame> {
  let composed = rows;
  for (const name of [keyColumns.service, keyColumns.service_category]) {
    const distinct = await rows.lazy().select(pl.col(name).unique()).collect();
    const texts = distinct.getColumn(name).toArray().map(String);
    const others = texts.filter((text) => text.normalize("NFC") !== text);
    // The form with an options object silently replaces nothing (nodejs-polars 0.24.1).
    const replaced = pl.col(name).replace(
      others,
      others.map((text) => text.normalize("NFC")),
    );
    if (others.length > 0) composed = composed.withColumn(replaced.alias(name));
  }
  return composed;
}

function groupedRows(pl: Polars, rows: DataFrame): Promise<DataFrame> {
  expressions ??= frameExpressions(pl);
  return rows
    .lazy()
    .filter(expressions.isCounted)
    .select(...expressions.columns)
    .groupBy(expressions.keys, { maintainOrder: false })
    .agg(...expressions.sums)
    .collect();
}

/** Made once per process: making them takes longer than grouping a small month. */
let expressions: ReturnType<typeof frameExpressions> | undefined;

function frameExpressions(pl: Polars) {
  const keys = Object.entries(keyColumns);
  return {
    isCounted: pl.col("x_counted").eq(pl.lit(true)),
    columns: [...keys.map(([key, column]) => pl.col(column).alias(key)), ...amountsOf(pl)],
    keys: pl.cols(keys.map(([key]) => key)),
    sums: [pl.cols([...amountNames]).sum(), pl.len().cast(pl.Int64).alias("rows")],
  };
}

/** Savings and credits are decided row by row, before grouping: a purchase counts by its own effective cost. */
function amountsOf(pl: Polars): Expr[] {
  const decimal = pl.Decimal(38, 12);
  const none = pl.lit("0").cast(decimal);
  const cost = (name: keyof typeof costColumns): Expr => pl.col(costColumns[name]).cast(decimal, true);
  const isCharge = (category: string): Expr => pl.col(keyColumns.charge_category).eq(pl.lit(category));
  const isSaving = pl
    .col(chargeClass)
    .isNull()
    .and(isCharge("Usage").or(isCharge("Purchase").and(cost("effective").neq(none))));
  const where = (isTaken: Expr, amount: Expr): Expr => pl.when(isTaken).then(amount).otherwise(none);
  return [
    ...bases.map((name) => cost(name).alias(name)),
    where(isSaving, cost("list").sub(cost("contracted"))).alias("negotiated"),
    where(isSaving, cost("contracted").sub(cost("effective"))).alias("commitment"),
    where(isCharge("Credit"), cost("billed")).alias("credits"),
  ];
}

/** The ledger knows the sums it published; a lost, cut or foreign file must not become a smaller number. */
async function refuseOtherMoney(pl: Polars, frame: DataFrame, month: PublishedMonth): Promise<void> {
  const sums = await frame
    .lazy()
    .groupBy(["currency"])
    .agg(pl.col("billed").sum().cast(pl.Utf8), pl.col("effective").sum().cast(pl.Utf8))
    .collect();
  const held = totalsOf(
    sums.toRecords().map((row) => ({ [String(row["currency"])]: [String(row["billed"]), String(row["effective"])] })),
  );
  const published = totalsOf(month.days.map((day) => day.totals));
  for (const currency of new Set([...held.keys(), ...published.keys()])) {
    const [is, should] = [held.get(currency) ?? noTotals, published.get(currency) ?? noTotals];
    if (!is[0].eq(should[0]) || !is[1].eq(should[1])) throw damaged(month.month, `other ${currency} sums`);
  }
}

const noTotals: readonly [Decimal, Decimal] = [zero, zero];

function totalsOf(parts: readonly Record<string, readonly string[]>[]): Map<string, readonly [Decimal, Decimal]> {
  const totals = new Map<string, readonly [Decimal, Decimal]>();
  for (const part of parts) {
    for (const [currency, [billed, effective]] of Object.entries(part)) {
      const before = totals.get(currency) ?? noTotals;
      totals.set(currency, [before[0].plus(parseAmount(billed ?? "0")), before[1].plus(parseAmount(effective ?? "0"))]);
    }
  }
  return totals;
}

function damaged(month: string, what: string): AppError {
  return new AppError("WAREHOUSE_UNAVAILABLE", `The stored rows of ${month} are not what was published: ${what}.`);
}
