import { taggedRowId } from "#shared/lineage/row-identity.ts";
import { amountText, type Decimal, parseAmount, roundAmount, zero } from "#shared/money/amount.ts";
import type { Row } from "#shared/providers/provider.ts";
import { type ChargedDay, chargedDays, cycleCost } from "./amortisation.ts";
import type { Cycle } from "./cycles.ts";
import type { ChargedVersion } from "./plan.ts";
import { addDays } from "./plan-days.ts";
import type { PlanProvider } from "./plan-providers.ts";
import { isPrepaid, type PrepaidBill, prepaidBills } from "./prepaid.ts";

const dailyTable = "saas_costs_daily";

/** Days `YYYY-MM-DD`, both included. */
export interface ChargeDays {
  from: string;
  to: string;
}

/**
 * The rows of one line for some days: each version's share of each day, and what prepaid cycles bill at once. Without
 * lineage. A version that an integration reports, or whose price is unknown, has none. Source: `prices-and-plans.md` C6.
 */
export function chargeRows(
  line: readonly ChargedVersion[],
  provider: PlanProvider,
  { from, to }: ChargeDays,
): { saas_costs_daily: Row[]; cost_data_standard: Row[] } {
  const own = line.filter(({ costSource }) => costSource === "manual");
  const days = own.flatMap((version) => chargedDays(version, from, to).map((day) => ({ version, day })));
  const bills = prepaidBills(own, from, to);
  return {
    saas_costs_daily: days.map(({ version, day }) => dailyRow(version, day)),
    cost_data_standard: [
      ...days.map(({ version, day }) => spreadRow(version, day, provider)),
      ...bills.map((bill) => prepaidRow(bill, provider)),
    ],
  };
}

function recordId({ subscriptionId, version }: ChargedVersion, day: string): string {
  return taggedRowId("s1", [day, subscriptionId, String(version)]);
}

function dailyRow(version: ChargedVersion, { day, cycle, cost, list }: ChargedDay): Row {
  return {
    cost_date: day,
    subscription_id: version.subscriptionId,
    line_id: version.lineId,
    plan_version: version.version,
    provider: version.provider,
    plan_name: version.planName,
    display_name: version.displayName,
    category: version.category,
    billing_cycle: version.billingCycle,
    pricing_model: version.pricingModel,
    currency: version.currency,
    seats: version.seats,
    // An annual plan may state its price for the year instead.
    unit_price: unitPriceOf(version),
    cycle_cost: cycleCostText(version),
    daily_cost: amountText(cost),
    list_daily_cost: amountText(list),
    cycle_start: cycle.start,
    cycle_end: cycle.end,
    cycle_days: cycle.days,
    x_source_record_id: recordId(version, day),
  };
}

function unitPriceOf({ unitPrice, yearlyPrice }: ChargedVersion): string | null {
  return unitPrice ?? yearlyPrice;
}

function cycleCostText(version: ChargedVersion): string {
  return amountText(cycleCost(version)?.cost ?? zero);
}

/** The day's share; of a prepaid cycle it is billed already. */
function spreadRow(version: ChargedVersion, { day, cycle, cost, list }: ChargedDay, provider: PlanProvider): Row {
  const quantity = quantityOf(version);
  return {
    ...commonColumns({ version, day, cycle }, provider),
    BilledCost: isPrepaid(version) ? "0" : amountText(cost),
    EffectiveCost: amountText(cost),
    ContractedCost: amountText(cost),
    ListCost: amountText(list),
    ChargeCategory: "Purchase",
    ChargeFrequency: "Recurring",
    ...priceColumns(version, { contracted: cost, list, quantity }),
    x_row_id: rowId({ version, day }, "Purchase", null),
  };
}

function prepaidRow(bill: PrepaidBill, provider: PlanProvider): Row {
  const { version, billed } = bill;
  const isCredit = billed.isNegative();
  const category = isCredit ? "Credit" : "Purchase";
  // A credit has no unit price, so its four costs but the effective one are the same.
  const list = isCredit || bill.list.isNegative() ? billed : bill.list;
  return {
    ...commonColumns(bill, provider),
    BilledCost: amountText(billed),
    EffectiveCost: "0",
    ContractedCost: amountText(billed),
    ListCost: amountText(list),
    ChargeCategory: category,
    ChargeFrequency: "One-Time",
    ...(isCredit ? noPrice : priceColumns(version, { contracted: billed, list, quantity: quantityOf(version) })),
    x_row_id: rowId(bill, category, "prepaid"),
  };
}

function rowId({ version, day }: { version: ChargedVersion; day: string }, category: string, part: string | null) {
  return taggedRowId("f1", [dailyTable, recordId(version, day), category, part]);
}

function commonColumns(
  { version, day, cycle }: { version: ChargedVersion; day: string; cycle: Cycle },
  provider: PlanProvider,
): Row {
  return {
    BillingAccountId: version.contractId ?? `saas:${version.provider}`,
    BillingAccountName: null,
    BillingAccountType: "Contract",
    BillingCurrency: version.currency,
    BillingPeriodStart: startOf(cycle.start),
    BillingPeriodEnd: startOf(addDays(cycle.end, 1)),
    ChargePeriodStart: startOf(day),
    ChargePeriodEnd: startOf(addDays(day, 1)),
    ChargeClass: null,
    ChargeDescription: version.displayName ?? version.planName,
    ServiceName: provider.name,
    ServiceCategory: provider.serviceCategory,
    ServiceSubcategory: provider.serviceSubcategory,
    ServiceProviderName: provider.name,
    HostProviderName: provider.name,
    InvoiceIssuerName: provider.name,
    ProviderName: provider.name,
    PublisherName: provider.name,
    Tags: "{}",
    x_charge_date: day,
    x_source_record_id: recordId(version, day),
    x_source_system: dailyTable,
    x_provider: version.provider,
    x_category: "saas",
    x_cost_source: "amortised",
    x_cost_basis: "plan",
    x_cost_status: "exact",
    x_counted: true,
    x_subscription_id: version.subscriptionId,
    x_plan_line_id: version.lineId,
    x_plan_version: version.version,
    x_seats: version.seats,
    x_cycle_cost: cycleCostText(version),
    x_cycle_days: cycle.days,
  };
}

function startOf(day: string): string {
  return `${day}T00:00:00Z`;
}

function quantityOf({ pricingModel, seats }: ChargedVersion): Decimal {
  return parseAmount(String(pricingModel === "PER_SEAT" ? seats : 1));
}

const noPrice = {
  PricingCategory: null,
  PricingQuantity: null,
  PricingUnit: null,
  ContractedUnitPrice: null,
  ListUnitPrice: null,
  SkuId: null,
  SkuPriceId: null,
  SkuMeter: null,
};

const tolerance = parseAmount("0.000001");

/** Source: `focus.md` rule 8. */
function isPriceHeld(cost: Decimal, quantity: Decimal): boolean {
  const missed = roundAmount(cost.dividedBy(quantity)).times(quantity).minus(cost).abs();
  return missed.lessThanOrEqualTo(cost.abs().times(tolerance));
}

function priceColumns(
  version: ChargedVersion,
  { contracted, list, quantity }: { contracted: Decimal; list: Decimal; quantity: Decimal },
): Row {
  const skuId = `saas/${version.provider}/${version.planName}`;
  // Twelve decimals do not hold every price of a seat; that of the subscription as a whole they always hold.
  const isHeld = [contracted, list].every((cost) => isPriceHeld(cost, quantity));
  const amount = isHeld ? quantity : parseAmount("1");
  const isSeats = isHeld && version.pricingModel === "PER_SEAT";
  return {
    PricingCategory: "Standard",
    PricingQuantity: amountText(amount),
    PricingUnit: isSeats ? "Seats" : "Subscriptions",
    ContractedUnitPrice: amountText(roundAmount(contracted.dividedBy(amount))),
    ListUnitPrice: amountText(roundAmount(list.dividedBy(amount))),
    SkuId: skuId,
    SkuPriceId: `${skuId}/${version.billingCycle}/${version.currency}`,
    SkuMeter: isSeats ? "Seats" : "Subscriptions",
  };
}
