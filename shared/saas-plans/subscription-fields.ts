import { type Static, Type } from "@sinclair/typebox";
import { amountText, type Decimal, parseAmount } from "#shared/money/amount.ts";
import type { FieldProblem } from "#shared/runtime/errors.ts";
import { choice, nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import { type DecimalRule, priceRule, readDecimal } from "./decimals.ts";
import { day, decimal, hierarchyEntity, seatCount } from "./plan-fields.ts";
import { type Agreement, billingPeriods, limitNames, monthsOfPeriod, tierTypes } from "./provider-subscription.ts";

const optional = Type.Optional;

const limits = Object.fromEntries(
  limitNames.map((name) => [name, optional(nullable(Type.Integer({ minimum: 0, maximum: 1_000_000_000_000_000 })))]),
) as Record<(typeof limitNames)[number], ReturnType<typeof limitField>>;

function limitField() {
  return optional(nullable(Type.Integer()));
}

const agreed = {
  monthly_cost: optional(decimal({ description: "Of the whole subscription; null is unknown" })),
  unit_price: optional(decimal({ description: "Of one unit, per billing period" })),
  quantity: optional(nullable(Type.Integer(seatCount))),
  billing_period: optional(choice(billingPeriods)),
  yearly_price: optional(decimal()),
  discount_percentage: optional(decimal({ description: "0 to 100" })),
  yearly_discount_percentage: optional(decimal({ description: "0 to 100" })),
  currency: optional(Type.String({ pattern: "^[A-Za-z]{3}$" })),
  end_date: optional(nullable(day({ description: "Last charged UTC day" }))),
  tier_type: optional(choice(tierTypes)),
  trial_end_date: optional(nullable(day())),
  trial_credit_usd: optional(decimal()),
  ...limits,
  committed_spend_usd: optional(decimal()),
  commitment_term_months: optional(nullable(Type.Integer({ minimum: 0, maximum: 120 }))),
  notes: optional(nullable(plainText(1, 1000))),
  hierarchy_entity_id: hierarchyEntity,
};

export const AddSubscription = strictObject({
  ...agreed,
  subscription_id: optional(Type.String({ pattern: "^(?!__)[A-Za-z0-9_-]{1,100}$" })),
  subscription_name: plainText(1, 100, { alsoAs: ["plan_name"] }),
  start_date: optional(day({ alsoAs: ["effective_date"] })),
});
export type AddSubscription = Static<typeof AddSubscription>;

export const UpdateSubscription = strictObject({ ...agreed, effective_date: optional(day()) });
export type UpdateSubscription = Static<typeof UpdateSubscription>;

export type AgreementChanges = Omit<UpdateSubscription, "effective_date">;

const percentRule: DecimalRule = { decimals: 6, maximum: "100" };

/** An agreement of which nothing is said. */
export function defaultAgreement(currency: string): Agreement {
  return {
    ...{ monthlyCost: null, unitPrice: null, quantity: null, billingPeriod: "monthly", yearlyPrice: null },
    ...{ discountPercentage: null, yearlyDiscountPercentage: null, currency, tierType: "paid", limits: {} },
    ...{ trialEndDate: null, trialCreditUsd: null, committedSpendUsd: null, commitmentTermMonths: null },
    ...{ notes: null, hierarchyEntityId: null },
  };
}

/** The agreement with what a request changes; what is wrong with it is added to `problems`. Source: `prices-and-plans.md` B. */
export function changedAgreement(
  base: Agreement,
  request: AgreementChanges,
  currencies: { has(code: string): boolean },
  problems: FieldProblem[],
): Agreement {
  const set = <T>(given: T | undefined, known: T): T => (given === undefined ? known : given);
  const money = (name: MoneyName, known: string | null, rule = priceRule): string | null => {
    const given = request[name];
    return given === undefined ? known : readDecimal(given, `/${name}`, rule, problems);
  };
  const prices = pricedAnew(base, request);
  const agreement: Agreement = {
    monthlyCost: money("monthly_cost", prices.monthlyCost),
    unitPrice: money("unit_price", prices.unitPrice),
    quantity: set(request.quantity, prices.quantity),
    billingPeriod: request.billing_period ?? (isPriced(request) ? pricedPeriod(base) : base.billingPeriod),
    yearlyPrice: money("yearly_price", base.yearlyPrice),
    discountPercentage: money("discount_percentage", base.discountPercentage, percentRule),
    yearlyDiscountPercentage: money("yearly_discount_percentage", base.yearlyDiscountPercentage, percentRule),
    currency: (request.currency ?? base.currency).toUpperCase(),
    tierType: request.tier_type ?? base.tierType,
    trialEndDate: set(request.trial_end_date, base.trialEndDate),
    trialCreditUsd: money("trial_credit_usd", base.trialCreditUsd),
    limits: { ...base.limits, ...limitsOf(request) },
    committedSpendUsd: money("committed_spend_usd", base.committedSpendUsd),
    commitmentTermMonths: set(request.commitment_term_months, base.commitmentTermMonths),
    notes: set(request.notes, base.notes),
    hierarchyEntityId: set(request.hierarchy_entity_id, base.hierarchyEntityId),
  };
  if (!currencies.has(agreement.currency)) problems.push({ path: "/currency", problem: "is not an ISO 4217 currency" });
  problems.push(...priceProblems(agreement));
  return agreement;
}

function isPriced({ monthly_cost, unit_price, yearly_price }: AgreementChanges): boolean {
  return [monthly_cost, unit_price, yearly_price].some((price) => price != null);
}

/** A price that is stated is charged: what was paid as it goes becomes monthly. */
function pricedPeriod({ billingPeriod }: Agreement): Agreement["billingPeriod"] {
  return billingPeriod === "pay_as_you_go" ? "monthly" : billingPeriod;
}

type MoneyName =
  | "monthly_cost"
  | "unit_price"
  | "yearly_price"
  | "discount_percentage"
  | "yearly_discount_percentage"
  | "trial_credit_usd"
  | "committed_spend_usd";

/** The price is stated in one of two ways; a change to the other drops the first. */
function pricedAnew(
  base: Agreement,
  request: AgreementChanges,
): Pick<Agreement, "monthlyCost" | "unitPrice" | "quantity"> {
  const { monthlyCost, unitPrice, quantity } = base;
  if (request.monthly_cost !== undefined) return { monthlyCost, unitPrice: null, quantity: null };
  const isByUnit = request.unit_price !== undefined || (request.quantity !== undefined && unitPrice !== null);
  return isByUnit ? { monthlyCost: null, unitPrice, quantity } : { monthlyCost, unitPrice, quantity };
}

function limitsOf(request: AgreementChanges): Agreement["limits"] {
  return Object.fromEntries(
    limitNames.flatMap((name) => (request[name] === undefined ? [] : [[name, request[name] ?? null]])),
  );
}

/** The monthly cost as the price of a whole period; null where it is not stated. */
export function cyclePriceOf({ monthlyCost, billingPeriod }: Agreement): string | null {
  const months = monthsOfPeriod[billingPeriod];
  return monthlyCost === null || months === undefined ? null : amountText(parseAmount(monthlyCost).times(months));
}

function priceProblems(agreement: Agreement): FieldProblem[] {
  const { monthlyCost, unitPrice, quantity, billingPeriod } = agreement;
  if (monthlyCost === null) return [];
  const path = "/monthly_cost";
  const whole = cyclePriceOf(agreement);
  if (whole === null) return [{ path, problem: "needs a billing period of whole months; give unit_price" }];
  if (unitPrice === null && quantity === null) return [];
  const units: Decimal = parseAmount(unitPrice ?? "0").times(quantity ?? 1);
  const isEqual = unitPrice !== null && units.eq(parseAmount(whole));
  const months = billingPeriod === "monthly" ? "" : " of the period";
  return isEqual ? [] : [{ path, problem: `is not quantity times unit_price${months}` }];
}
