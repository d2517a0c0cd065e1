import { parseAmount } from "#shared/money/amount.ts";
import type { Row } from "./provider.ts";

const never = [
  "BilledCost",
  "EffectiveCost",
  "ListCost",
  "ContractedCost",
  "BillingCurrency",
  "BillingAccountId",
  "BillingPeriodStart",
  "BillingPeriodEnd",
  "ChargePeriodStart",
  "ChargePeriodEnd",
  "ChargeCategory",
  "ChargeFrequency",
  "ServiceName",
  "ServiceCategory",
  "ServiceSubcategory",
  "InvoiceIssuerName",
  "ServiceProviderName",
  "HostProviderName",
  "ProviderName",
  "PublisherName",
];
const priced = ["ListUnitPrice", "ContractedUnitPrice", "PricingCategory", "PricingQuantity", "SkuId", "SkuPriceId"];
const together = [
  ["PricingUnit", "PricingQuantity"],
  ["ConsumedUnit", "ConsumedQuantity"],
  ["SubAccountName", "SubAccountId"],
  ["SubAccountType", "SubAccountId"],
] as const;

/** The rules of `reference/focus.md` (1-9, 12-20) that a single cost row breaks; tests of provider rooms call it. */
export function focusFaults(row: Row): string[] {
  const faults: string[] = [];
  const isNull = (name: string) => (row[name] ?? null) === null;
  const text = (name: string) => String(row[name]);
  const check = (rule: number, ok: boolean, what: string) => {
    if (!ok) faults.push(`rule ${rule}: ${what}`);
  };
  for (const name of never) check(1, !isNull(name), `${name} is null`);
  const category = text("ChargeCategory");
  check(2, ["Usage", "Purchase", "Tax", "Credit", "Adjustment"].includes(category), category);
  check(2, ["One-Time", "Recurring", "Usage-Based"].includes(text("ChargeFrequency")), text("ChargeFrequency"));
  for (const period of ["ChargePeriod", "BillingPeriod"]) {
    const [start, end] = [text(`${period}Start`), text(`${period}End`)];
    check(
      3,
      [start, end].every((at) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(at)) && end > start,
      `${start}/${end}`,
    );
  }
  const isPriced = category === "Usage" || category === "Purchase";
  for (const name of priced) check(category === "Tax" ? 4 : 5, isNull(name) !== isPriced, `${name} of ${category}`);
  for (const [one, other] of together) check(6, isNull(one) === isNull(other), `${one} without ${other}`);
  check(7, isNull("ConsumedQuantity") === (category !== "Usage"), `ConsumedQuantity of ${category}`);
  for (const kind of ["List", "Contracted"]) {
    const cost = parseAmount(text(`${kind}Cost`));
    if (isNull(`${kind}UnitPrice`)) {
      check(9, cost.equals(text("BilledCost")), `${kind}Cost without a price`);
      continue;
    }
    const price = parseAmount(text(`${kind}UnitPrice`));
    const missed = price.times(text("PricingQuantity")).minus(cost).abs();
    check(
      8,
      !price.isNegative() && missed.lessThanOrEqualTo(cost.abs().times("0.000001")),
      `${kind}UnitPrice ${price}`,
    );
  }
  check(15, !isNull("SkuId") || isNull("SkuMeter"), "SkuMeter without SkuId");
  check(15, !isNull("BillingAccountType"), "BillingAccountType is null");
  check(17, /^[A-Z]{3}$/.test(text("BillingCurrency")), text("BillingCurrency"));
  check(18, typeof JSON.parse(text("Tags")) === "object", "Tags");
  for (const [name, value] of Object.entries(row)) check(19, value !== "", `${name} is empty`);
  for (const name of Object.keys(row)) check(20, /^([A-Z][A-Za-z]*|x_[a-z0-9_]+)$/.test(name), name);
  return faults;
}
