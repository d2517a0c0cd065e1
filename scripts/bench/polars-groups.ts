import pl, { type DataFrame, type Expr } from "nodejs-polars";
import { addText, noGroups, type YearGroups } from "./year-groups.ts";

const costs = { effective: "EffectiveCost", billed: "BilledCost", list: "ListCost", contracted: "ContractedCost" };
const keys = {
  provider: "x_provider",
  category: "x_category",
  charge: "ChargeCategory",
  simulated: "x_simulated",
  service: "ServiceName",
  service_category: "ServiceCategory",
  currency: "BillingCurrency",
  day: "x_charge_date",
};
const groupings: Record<keyof YearGroups, { by: (keyof typeof keys)[]; shown: (keyof typeof keys)[] }> = {
  kinds: { by: ["currency", "provider", "category", "charge", "simulated"], shown: ["provider", "category", "charge"] },
  services: { by: ["currency", "provider", "service", "service_category"], shown: ["provider", "service"] },
  days: { by: ["currency", "day"], shown: ["day"] },
};
const sums = ["effective", "billed", "list", "contracted", "negotiated", "commitment", "credits", "rows"];

/** The groups of a cost summary over one Parquet file, as somebody with Polars alone would make them. */
export async function polarsGroups(file: string, range: { start: string; end: string }): Promise<YearGroups> {
  const day = pl.col("x_charge_date");
  const date = (text: string): Expr => pl.lit(text).cast(pl.Date);
  const rows = await pl
    .scanParquet(file)
    .filter(
      pl
        .col("x_counted")
        .and(day.gtEq(date(range.start)))
        .and(day.ltEq(date(range.end))),
    )
    .select(...Object.entries(keys).map(([key, column]) => pl.col(column).alias(key)), ...amounts())
    .collect();
  return groupsOf(rows);
}

async function groupsOf(rows: DataFrame): Promise<YearGroups> {
  const groups = noGroups();
  const grouped = await Promise.all(
    Object.values(groupings).map(({ by }) =>
      rows
        .lazy()
        .groupBy(pl.cols(by), { maintainOrder: false })
        .agg(pl.cols(sums).sum())
        .select(pl.cols([...by, ...sums]).cast(pl.Utf8))
        .collect(),
    ),
  );
  for (const [at, name] of (Object.keys(groupings) as (keyof YearGroups)[]).entries()) {
    for (const record of grouped[at]?.toRecords() ?? []) {
      addText(
        groups[name],
        groupings[name].shown.map((key) => record[key]),
        record,
      );
    }
  }
  return groups;
}

function amounts(): Expr[] {
  const cost = (name: keyof typeof costs): Expr => pl.col(costs[name]);
  const none = pl.lit("0").cast(pl.Decimal(38, 12));
  const charge = (name: string): Expr => pl.col("ChargeCategory").eq(pl.lit(name));
  const isSaving = pl
    .col("ChargeClass")
    .isNull()
    .and(charge("Usage").or(charge("Purchase").and(cost("effective").neq(none))));
  const where = (isTaken: Expr, amount: Expr): Expr => pl.when(isTaken).then(amount).otherwise(none);
  return [
    ...Object.entries(costs).map(([name, column]) => pl.col(column).alias(name)),
    where(isSaving, cost("list").sub(cost("contracted"))).alias("negotiated"),
    where(isSaving, cost("contracted").sub(cost("effective"))).alias("commitment"),
    where(charge("Credit"), cost("billed")).alias("credits"),
    pl.lit(1).cast(pl.Int64).alias("rows"),
  ];
}
