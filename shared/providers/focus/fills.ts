import pl, { type Expr } from "nodejs-polars";
import type { Delivered } from "./header.ts";
import { textName } from "./text-names.ts";

/** What a column is made of where the file is silent, and how often that is. */
export interface Fill {
  column: string;
  value: Expr;
  /** True in the rows that are filled. */
  mask: Expr;
}

const unspecified = "Unspecified";
/** Azure's name of a service where its files have no ServiceName. */
const skuSubcategory = "x_SkuMeterSubcategory";

/**
 * The columns our cost table never leaves empty, and unit prices of 0 that are none. Each is filled from what was filled
 * before it. Source: `provider-adapters.md` 3.9, "filled, counted".
 */
export function fills(delivered: Delivered, vendorName: string | null): Fill[] {
  const vendor = pl.lit(vendorName ?? unspecified);
  const provider = first(pl.col("ProviderName"), pl.col("ServiceProviderName"), vendor);
  const publisher = first(pl.col("PublisherName"), provider);
  const skuPlace = delivered.names.indexOf(skuSubcategory);
  const services = skuPlace < 0 ? [] : [pl.col(textName(skuPlace))];
  const effective = first(pl.col("EffectiveCost"), pl.col("BilledCost"));
  const contracted = first(pl.col("ContractedCost"), effective);
  const category = first(pl.col("ServiceCategory"), pl.lit("Other"));
  const isUsage = pl.col("ChargeCategory").eq(pl.lit("Usage"));
  const frequency = pl.when(isUsage).then(pl.lit("Usage-Based")).otherwise(pl.lit("One-Time"));
  return [
    fill("EffectiveCost", effective),
    fill("ContractedCost", contracted),
    fill("ListCost", first(pl.col("ListCost"), contracted)),
    fill("ProviderName", provider),
    fill("PublisherName", publisher),
    fill("InvoiceIssuerName", first(pl.col("InvoiceIssuerName"), provider)),
    fill("ServiceProviderName", first(pl.col("ServiceProviderName"), provider)),
    fill("HostProviderName", first(pl.col("HostProviderName"), provider)),
    fill("ServiceName", first(pl.col("ServiceName"), pl.col("PublisherName"), ...services, pl.lit(unspecified))),
    fill("ServiceCategory", category),
    fill(
      "ServiceSubcategory",
      first(pl.col("ServiceSubcategory"), pl.concatString([pl.lit("Other ("), category, pl.lit(")")], "")),
    ),
    fill("ChargeFrequency", first(pl.col("ChargeFrequency"), frequency)),
    withoutZeroPrice("ListUnitPrice", "ListCost"),
    withoutZeroPrice("ContractedUnitPrice", "ContractedCost"),
  ];
}

function fill(column: string, value: Expr): Fill {
  return { column, value, mask: pl.col(column).isNull() };
}

/** A unit price of 0 for something that costs money is no price. */
function withoutZeroPrice(column: string, cost: string): Fill {
  const nothing = pl.lit("0").cast(pl.Decimal(38, 12));
  const mask = pl.col(column).eq(nothing).and(pl.col(cost).notEquals(nothing)).fillNull(false);
  return { column, value: pl.when(mask).then(pl.lit(null)).otherwise(pl.col(column)), mask };
}

function first(...values: [Expr, ...Expr[]]): Expr {
  const [start, ...others] = values;
  return others.reduce((value, other) => value.fillNull(other), start);
}
