import type { DataFrame, Expr } from "nodejs-polars";
import { batchDaysOf, countedDays, type PublishedMonth } from "#shared/ledger/current-batches.ts";
import { type Decimal, parseAmount, zero } from "#shared/money/amount.ts";
import type { TableSource, Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { billRateColumn, type Conversion, fxColumn, rateColumn, sameCurrency, withRates } from "./conversion.ts";
import { amountNames, type Basis, bases, nativeNames } from "./sums.ts";

/** What polars is called here; imported when the first frame is needed, because loading it is slow. */
type Polars = typeof import("nodejs-polars")["default"];

/**
 * All counted rows of a published month, grouped by `FrameKey`, with the number of `rows` and exact sums: `amountNames` in
 * the currency of the answer (0 where `converted` is false), `nativeNames` in the rows' own.
 */
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

/** `fx` is the rate as JSON text, or why there is none; `converted` says whether the rows are in converted sums. */
export type FrameKey = keyof typeof keyColumns | "fx" | "converted" | EntityKey;

/** Keys of frames that say where rows went, and what the allocation marks them with; others do not have them. */
export const entityKeys = ["entity", "method", "reason", "rule", "mark"] as const;
type EntityKey = (typeof entityKeys)[number];

/** The keys that every month frame is grouped by. */
export const frameKeys: readonly FrameKey[] = [...(Object.keys(keyColumns) as FrameKey[]), "fx", "converted"];

const costColumns = {
  effective: "EffectiveCost",
  billed: "BilledCost",
  list: "ListCost",
  contracted: "ContractedCost",
} as const satisfies Record<Basis, string>;

const chargeClass = "ChargeClass";
const composedColumns = [keyColumns.service, keyColumns.service_category];
const nativeCosts = ["native_billed", "native_effective"];
const neverNull = [...Object.values(keyColumns), ...Object.values(costColumns), "x_counted"];
const bytesPerGroup = 440;

/**
 * Reads the current (batch, day) pairs of a month once, converts row by row and groups. Amounts stay Decimal(38,12), so
 * sums are exact and groups of converted rows add up.
 * Error: `WAREHOUSE_UNAVAILABLE` when the store does not answer, or holds other money than the ledger published.
 */
export async function buildMonthFrame(
  month: PublishedMonth,
  source: TableSource,
  { warehouse, conversion }: { warehouse: Warehouse; conversion: Conversion },
): Promise<MonthFrame> {
  const rows = await monthRows(month, source, { warehouse });
  const { default: pl } = await import("nodejs-polars");
  return checkedFrame(pl, await groupedRows(pl, rows, { conversion }), month);
}

/** The current rows of a month with what a frame needs of them, and further columns. Errors as `buildMonthFrame`. */
export async function monthRows(
  month: PublishedMonth,
  source: TableSource,
  { warehouse, further = [] }: { warehouse: Warehouse; further?: readonly string[] },
): Promise<DataFrame> {
  const parts = batchDaysOf(countedDays(month), source.table.name);
  const columns = new Set([...neverNull, chargeClass, billRateColumn, ...further]);
  const rows = await warehouse.read(source, parts, [...columns]);
  refuseNulls(rows, month.month);
  const { default: pl } = await import("nodejs-polars");
  return withComposedText(pl, rows);
}

/** A frame that holds the money the ledger published. Error: `WAREHOUSE_UNAVAILABLE`. */
export async function checkedFrame(pl: Polars, frame: DataFrame, month: PublishedMonth): Promise<MonthFrame> {
  await refuseOtherMoney(pl, frame, month);
  return { frame, bytes: frame.height * bytesPerGroup };
}

/** A null in any of these would be a row or an amount silently lost: the sum of nulls is 0. */
function refuseNulls(rows: DataFrame, month: string): void {
  const counts = rows.nullCount().row(0);
  const hasNulls = new Set(rows.columns.filter((_, at) => Number(counts[at]) > 0));
  const column = neverNull.find((name) => hasNulls.has(name));
  if (column !== undefined) throw damaged(month, `a row without ${column}`);
}

/** Names that look alike are one group, whichever way their accents were written. */
async function withComposedText(pl: Polars, rows: DataFrame): Promise<DataFrame> {
  let composed = rows;
  const { texts, textRows } = checksOf(pl);
  const distinct = await rows.lazy().groupBy(texts, { maintainOrder: false }).agg(textRows).collect();
  for (const name of composedColumns) {
    const found = new Set(distinct.getColumn(name).toArray().map(String));
    const others = [...found].filter((text) => text.normalize("NFC") !== text);
    if (others.length === 0) continue;
    // The form with an options object silently replaces nothing (nodejs-polars 0.24.1).
    const replaced = pl.col(name).replace(
      others,
      others.map((text) => text.normalize("NFC")),
    );
    composed = composed.withColumn(replaced.alias(name));
  }
  return composed;
}

/** Rows in the target currency are not multiplied by anything: their amounts may be larger than a rate allows. */
export async function groupedRows(
  pl: Polars,
  rows: DataFrame,
  { conversion, further = [] }: { conversion: Conversion; further?: readonly string[] },
): Promise<DataFrame> {
  const { isCounted, billedIn, keys, sums, native, converted } = expressionsOf(pl, further);
  const counted = rows.lazy().filter(isCounted);
  const isNative = billedIn.eq(pl.lit(conversion.currency));
  const own = counted.filter(isNative).select(...native);
  const parts = [
    await own
      .groupBy(keys, { maintainOrder: false })
      .agg(...sums)
      .collect(),
  ];
  const foreign = await counted.filter(isNative.not()).collect();
  if (foreign.height > 0) {
    const rated = (await withRates(foreign, conversion)).lazy().select(...converted());
    parts.push(
      await rated
        .groupBy(keys, { maintainOrder: false })
        .agg(...sums)
        .collect(),
    );
  }
  return parts.length === 1 ? (parts[0] ?? pl.DataFrame()) : pl.concat(parts);
}

/** Made once per process: making them takes longer than grouping a small month. */
const expressions = new Map<string, ReturnType<typeof frameExpressions>>();

function expressionsOf(pl: Polars, further: readonly string[]): ReturnType<typeof frameExpressions> {
  const name = further.join();
  const known = expressions.get(name) ?? frameExpressions(pl, further);
  expressions.set(name, known);
  return known;
}

/** `further` are columns of the rows that are keys of the groups too, under their own names. */
function frameExpressions(pl: Polars, further: readonly string[]) {
  const keyed = Object.entries(keyColumns).map(([key, column]) => pl.col(column).alias(key));
  const columns = [...keyed, ...further.map((name) => pl.col(name))];
  const cost = (name: Basis): Expr => pl.col(costColumns[name]).cast(pl.Decimal(38, 12), true);
  const rate = pl.col(rateColumn);
  const inTarget = (name: Basis): Expr => pl.when(rate.isNull()).then(zeroOf(pl)).otherwise(cost(name).mul(rate));
  const own = amountsOf(pl, cost);
  const named = (amounts: Expr[], names: readonly string[]): Expr[] =>
    amounts.map((amount, at) => amount.alias(names[at] ?? ""));
  const natives = named(own, nativeNames);
  let inTargetCurrency: Expr[] | undefined;
  const converted = (): Expr[] => {
    inTargetCurrency ??= [
      ...columns,
      pl.col(fxColumn).alias("fx"),
      rate.isNotNull().alias("converted"),
      ...named(amountsOf(pl, inTarget), amountNames),
      ...natives,
    ];
    return inTargetCurrency;
  };
  return {
    isCounted: pl.col("x_counted").eq(pl.lit(true)),
    billedIn: pl.col(keyColumns.currency),
    keys: pl.cols([...frameKeys, ...further]),
    sums: [pl.cols([...amountNames, ...nativeNames]).sum(), pl.len().cast(pl.Int64).alias("rows")],
    native: [
      ...columns,
      pl.lit(sameCurrency).alias("fx"),
      pl.lit(true).alias("converted"),
      ...named(own, amountNames),
      ...natives,
    ],
    converted,
  };
}

function zeroOf(pl: Polars): Expr {
  return pl.lit("0").cast(pl.Decimal(38, 12));
}

/**
 * The amounts of a row in the order of `amountNames`, of its costs as `costOf` gives them. Savings and credits are
 * decided row by row, before grouping: a purchase counts by its own effective cost.
 */
function amountsOf(pl: Polars, costOf: (name: Basis) => Expr): Expr[] {
  const none = zeroOf(pl);
  const isCharge = (category: string): Expr => pl.col(keyColumns.charge_category).eq(pl.lit(category));
  const hasEffect = pl.col(costColumns.effective).cast(pl.Decimal(38, 12), true).neq(none);
  const isSaving = pl
    .col(chargeClass)
    .isNull()
    .and(isCharge("Usage").or(isCharge("Purchase").and(hasEffect)));
  const where = (isTaken: Expr, amount: Expr): Expr => pl.when(isTaken).then(amount).otherwise(none);
  return [
    ...bases.map(costOf),
    where(isSaving, costOf("list").sub(costOf("contracted"))),
    where(isSaving, costOf("contracted").sub(costOf("effective"))),
    where(isCharge("Credit"), costOf("billed")),
  ];
}

let checks: ReturnType<typeof checkExpressions> | undefined;

function checksOf(pl: Polars): ReturnType<typeof checkExpressions> {
  checks ??= checkExpressions(pl);
  return checks;
}

function checkExpressions(pl: Polars) {
  return {
    texts: pl.cols(composedColumns),
    textRows: pl.len().alias("rows"),
    currency: pl.cols(["currency"]),
    moneySums: pl.cols(nativeCosts).sum(),
    moneyTexts: pl.cols(["currency", ...nativeCosts]).cast(pl.Utf8),
  };
}

/** The ledger knows the sums it published; a lost, cut or foreign file must not become a smaller number. */
async function refuseOtherMoney(pl: Polars, frame: DataFrame, month: PublishedMonth): Promise<void> {
  const { currency: byCurrency, moneySums, moneyTexts } = checksOf(pl);
  const sums = await frame
    .lazy()
    .groupBy(byCurrency, { maintainOrder: false })
    .agg(moneySums)
    .select(moneyTexts)
    .collect();
  const held = totalsOf(
    sums.toRecords().map((row) => ({
      [String(row["currency"])]: [String(row["native_billed"]), String(row["native_effective"])],
    })),
  );
  const published = totalsOf(countedDays(month).map((day) => day.totals));
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
