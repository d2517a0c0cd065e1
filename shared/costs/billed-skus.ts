import { type Decimal, parseAmount } from "#shared/money/amount.ts";
import type { BatchDays, TableSource, Warehouse } from "#shared/platform/warehouse/warehouse.ts";

/** What the published rows of some days say was billed for one SKU of tokens. */
export interface BilledSku {
  /** Whose model it is, also on a cloud bill. */
  provider: string;
  sku: string;
  model: string;
  /** As the rows of `cost_data_standard` name it. */
  tokenType: string;
  /** Null: the bill names none. */
  serviceTier: string | null;
  contextWindow: string | null;
  region: string | null;
  currency: string;
  /** First and last UTC day with such a charge. */
  first: string;
  last: string;
  billed: Decimal;
  /** Tokens. */
  quantity: Decimal;
}

const keys = {
  provider: "x_genai_provider",
  sku: "SkuId",
  model: "x_model",
  tokenType: "x_token_type",
  serviceTier: "x_service_tier",
  contextWindow: "x_context_window",
  region: "RegionId",
  currency: "BillingCurrency",
} as const;

const columns = [
  ...Object.values(keys),
  ...["x_charge_date", "x_cost_basis", "x_counted", "ChargeCategory", "ChargeClass", "BilledCost"],
  ...["ConsumedQuantity", "ConsumedUnit"],
];

/**
 * Billed money and tokens by SKU, of the usage whose money the provider reports and whose tokens are counted. `source` is
 * `cost_data_standard`.
 */
export async function billedSkus(
  source: TableSource,
  batches: readonly BatchDays[],
  warehouse: Warehouse,
): Promise<BilledSku[]> {
  if (batches.length === 0) return [];
  const rows = await warehouse.read(source, [...batches], columns);
  const { default: pl } = await import("nodejs-polars");
  const is = (name: string, value: string) => pl.col(name).eq(pl.lit(value));
  const isBilled = is("x_cost_basis", "provider_reported")
    .and(pl.col("x_counted").eq(pl.lit(true)))
    .and(is("ChargeCategory", "Usage"))
    .and(pl.col("ChargeClass").isNull())
    .and(is("ConsumedUnit", "Tokens"));
  const isNamed = ["x_genai_provider", "SkuId", "x_model", "x_token_type"].map((name) => pl.col(name).isNotNull());
  const exact = (name: string) => pl.col(name).cast(pl.Decimal(38, 12), true).sum().cast(pl.Utf8);
  const day = pl.col("x_charge_date").cast(pl.Utf8);
  const grouped = await rows
    .lazy()
    .filter(isNamed.reduce((all, one) => all.and(one), isBilled))
    .groupBy(Object.values(keys), { maintainOrder: false })
    .agg(exact("BilledCost"), exact("ConsumedQuantity"), day.min().alias("first"), day.max().alias("last"))
    .collect();
  return grouped.toRecords().map(skuOf);
}

function skuOf(record: Record<string, unknown>): BilledSku {
  const text = (name: string): string => String(record[name]);
  const textOrNull = (name: string): string | null => (record[name] == null ? null : text(name));
  return {
    provider: text(keys.provider),
    sku: text(keys.sku),
    model: text(keys.model),
    tokenType: text(keys.tokenType),
    serviceTier: textOrNull(keys.serviceTier),
    contextWindow: textOrNull(keys.contextWindow),
    region: textOrNull(keys.region),
    currency: text(keys.currency),
    first: text("first"),
    last: text("last"),
    billed: parseAmount(text("BilledCost")),
    quantity: parseAmount(text("ConsumedQuantity")),
  };
}
