import { createHash } from "node:crypto";
import { taggedRowId } from "#shared/lineage/row-identity.ts";
import { amountText, type Decimal, roundAmount } from "#shared/money/amount.ts";
import { type FocusPricing, focusPricing, type StatedQuantity } from "./focus-pricing.ts";
import type { Row } from "./provider.ts";
import type { ProviderEntry } from "./registry-schema.ts";
import { monthOf } from "./utc-days.ts";

/** Where the charges of a pull stand: the columns that all of them share. */
export interface FocusAccount {
  provider: ProviderEntry;
  accountId: string;
  accountName: string | null;
  /** BillingAccountType, e.g. `Organization`. */
  accountType: string;
}

/** One charge of one UTC day in our own words; `focusRow` gives it the names and rules of FOCUS. */
export interface Charge {
  /** The raw table and the row of it that states the money. */
  sourceTable: string;
  sourceRecordId: string;
  /** Name of a split of one record, else null. */
  part: string | null;
  /** UTC day `YYYY-MM-DD`; `periodStart` and `periodEnd` (exclusive) lie around it. */
  day: string;
  periodStart: string;
  periodEnd: string;
  category: "Usage" | "Credit";
  amount: Decimal;
  currency: string;
  description: string;
  subAccount: { id: string; name: string | null; type: string } | null;
  sku: { id: string; priceId: string; meter: string };
  quantity: StatedQuantity | null;
  /** True where the tier's price is not the standard one (batch, flex). */
  isDynamic?: boolean;
  /** RegionId; absent or null: the provider names none. */
  region?: string | null;
  /** The `x_` columns that only the provider's room knows. */
  dimensions: Row;
}

const longestSku = 512;

/**
 * A row of `cost_data_standard` without lineage, or null for usage that costs nothing and counts nothing. Holds the rules
 * of `focus.md` 1-20. Sources: `provider-adapters.md` 3.12, `tables.md` 4.
 */
export function focusRow(charge: Charge, account: FocusAccount): Row | null {
  const amount = roundAmount(charge.amount);
  if (charge.category === "Usage" && amount.isZero() && !charge.quantity?.value.greaterThan(0)) return null;
  // Unit prices are never negative, so usage that comes out below zero is an adjustment.
  const category = charge.category === "Usage" && amount.isNegative() ? "Adjustment" : charge.category;
  const pricing = category === "Usage" ? focusPricing(amount, charge.quantity) : null;
  return {
    ...accountColumns(account),
    ...periodColumns(charge),
    ...subAccountColumns(charge.subAccount),
    ...amountColumns(amountText(amount), charge.currency),
    ChargeCategory: category,
    ChargeClass: null,
    ChargeFrequency: category === "Usage" ? "Usage-Based" : "One-Time",
    ChargeDescription: charge.description,
    Tags: "{}",
    ...pricingColumns(pricing, charge),
    RegionId: charge.region ?? null,
    RegionName: charge.region ?? null,
    x_row_id: taggedRowId("f1", [charge.sourceTable, charge.sourceRecordId, category, charge.part]),
    x_source_record_id: charge.sourceRecordId,
    x_source_system: charge.sourceTable,
    x_provider: account.provider.slug,
    x_category: categoryOf(account.provider),
    x_counted: true,
    x_quantity_basis: pricing?.basis ?? null,
    x_quantity_imputed: pricing?.isImputed ?? null,
    ...charge.dimensions,
  };
}

function accountColumns({ provider, accountId, accountName, accountType }: FocusAccount): Row {
  const name = provider.provider_name ?? provider.display_name;
  return {
    BillingAccountId: accountId,
    BillingAccountName: accountName,
    BillingAccountType: accountType,
    ServiceName: provider.service.name,
    ServiceCategory: provider.service.category,
    ServiceSubcategory: provider.service.subcategory,
    ServiceProviderName: name,
    HostProviderName: name,
    InvoiceIssuerName: name,
    ProviderName: name,
    PublisherName: name,
  };
}

function periodColumns({ day, periodStart, periodEnd }: Charge): Row {
  const month = monthOf(day);
  return {
    BillingPeriodStart: month.start,
    BillingPeriodEnd: month.end,
    ChargePeriodStart: periodStart,
    ChargePeriodEnd: periodEnd,
    x_charge_date: day,
  };
}

/** The name falls back to the id: FOCUS wants it wherever an id is. */
function subAccountColumns(subAccount: Charge["subAccount"]): Row {
  return {
    SubAccountId: subAccount?.id ?? null,
    SubAccountName: subAccount ? (subAccount.name ?? subAccount.id) : null,
    SubAccountType: subAccount?.type ?? null,
  };
}

function amountColumns(amount: string, currency: string): Row {
  return {
    BilledCost: amount,
    EffectiveCost: amount,
    ContractedCost: amount,
    ListCost: amount,
    BillingCurrency: currency,
  };
}

function pricingColumns(pricing: FocusPricing | null, { sku, isDynamic = false }: Charge): Row {
  return {
    PricingCategory: pricing && (isDynamic ? "Dynamic" : "Standard"),
    PricingQuantity: pricing && amountText(pricing.pricingQuantity),
    PricingUnit: pricing?.pricingUnit ?? null,
    ContractedUnitPrice: pricing && amountText(pricing.unitPrice),
    ListUnitPrice: pricing && amountText(pricing.unitPrice),
    ConsumedQuantity: pricing && amountText(pricing.consumedQuantity),
    ConsumedUnit: pricing?.consumedUnit ?? null,
    SkuId: pricing && shortened(sku.id),
    SkuPriceId: pricing && shortened(sku.priceId),
    SkuMeter: pricing && sku.meter,
  };
}

/** Source: `costs.md` 2. */
function categoryOf({ service, type }: ProviderEntry): string {
  if (service.subcategory === "Generative AI") return "llm";
  return type === "cloud" ? "cloud" : "other";
}

/** At most 512 bytes; what is cut off stays in the text as a hash, so that two long texts remain two. */
function shortened(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= longestSku) return text;
  let cut = longestSku - 17;
  // Never inside a character: its further bytes start with the bits 10.
  while (((bytes[cut] ?? 0) & 0xc0) === 0x80) cut -= 1;
  const hash = createHash("sha256").update(bytes.subarray(cut)).digest("hex").slice(0, 16);
  return `${bytes.subarray(0, cut).toString()}~${hash}`;
}
