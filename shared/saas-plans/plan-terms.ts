import { amountText, parseAmount } from "#shared/money/amount.ts";
import type { FieldProblem } from "#shared/runtime/errors.ts";
import { cycleCost } from "./amortisation.ts";
import { cycleMonths } from "./cycles.ts";
import { type DecimalRule, priceRule, readDecimal } from "./decimals.ts";
import type { PlanVersion } from "./plan.ts";
import { firstPlanDay, lastPlanDay } from "./plan-days.ts";
import type { PlanChanges } from "./plan-fields.ts";

/** What a plan says beyond who it is, where it stands in its line, and who wrote it. */
export type PlanTerms = Pick<
  PlanVersion,
  | "planType"
  | "displayName"
  | "category"
  | "pricingModel"
  | "unitPrice"
  | "yearlyPrice"
  | "billingCycle"
  | "cycleDays"
  | "cycleAlignment"
  | "billingAnchorDay"
  | "currency"
  | "seats"
  | "seatsUsed"
  | "discountType"
  | "discountValue"
  | "endDate"
  | "autoRenew"
  | "renewalDate"
  | "paymentMethod"
  | "invoiceIdLast"
  | "ownerEmail"
  | "department"
  | "notes"
  | "hierarchyEntityId"
  | "costSource"
  | "sourceCurrency"
  | "sourcePrice"
  | "exchangeRateUsed"
>;

const percentRule: DecimalRule = { decimals: 6, maximum: "100" };
const sourceRule: DecimalRule = { decimals: 12, maximum: "1000000000000" };

/** A plan of which nothing is said. */
export function defaultTerms(currency: string, category: string | null): PlanTerms {
  return {
    ...{
      planType: "custom",
      displayName: null,
      category,
      pricingModel: "PER_SEAT",
      unitPrice: null,
      yearlyPrice: null,
    },
    ...{ billingCycle: "monthly", cycleDays: null, cycleAlignment: "anniversary", billingAnchorDay: null },
    ...{ currency, seats: 1, seatsUsed: null, discountType: null, discountValue: null, endDate: null },
    ...{ autoRenew: true, renewalDate: null, paymentMethod: null, invoiceIdLast: null, ownerEmail: null },
    ...{ department: null, notes: null, hierarchyEntityId: null, costSource: "manual" },
    ...{ sourceCurrency: null, sourcePrice: null, exchangeRateUsed: null },
  };
}

/** What the rules of a plan are checked against. */
export interface TermRules {
  today: string;
  /** ISO 4217 codes that are known. */
  currencies: { has(code: string): boolean };
}

/**
 * The terms of `base` with what the request changes, older names included; everything that is wrong with them is added
 * to `problems`. Source: `prices-and-plans.md` C1.
 */
export function changedTerms(base: PlanTerms, request: PlanChanges, rules: TermRules, problems: FieldProblem[]) {
  const plain = plainTerms(base, request);
  const pricingModel = request.pricing_model ?? modelByName(request) ?? base.pricingModel;
  const terms: PlanTerms = { ...plain, pricingModel, ...prices({ ...plain, pricingModel }, request, problems) };
  problems.push(...termProblems(terms, request, rules));
  return terms;
}

/** The pricing model that an older name of the price implies. */
function modelByName(request: PlanChanges): PlanTerms["pricingModel"] | undefined {
  if (request.price_per_user_monthly !== undefined) return "PER_SEAT";
  return request.cost_per_cycle === undefined ? undefined : "FLAT_FEE";
}

function plainTerms(base: PlanTerms, request: PlanChanges): PlanTerms {
  const billingCycle = request.billing_cycle ?? base.billingCycle;
  const isOtherCycle = billingCycle !== base.billingCycle;
  const set = <T>(given: T | undefined, known: T): T => (given === undefined ? known : given);
  return {
    ...base,
    billingCycle,
    planType: request.plan_type ?? base.planType,
    displayName: set(request.display_name, base.displayName),
    category: set(request.category, base.category),
    // What belongs to another cycle goes with it.
    cycleDays: set(request.cycle_days, isOtherCycle ? null : base.cycleDays),
    billingAnchorDay: set(request.billing_anchor_day, isOtherCycle ? null : base.billingAnchorDay),
    cycleAlignment: request.cycle_alignment ?? base.cycleAlignment,
    currency: (request.currency ?? base.currency).toUpperCase(),
    seats: request.seats ?? base.seats,
    seatsUsed: set(request.seats_used, base.seatsUsed),
    discountType: set(request.discount_type, base.discountType),
    endDate: set(request.end_date, base.endDate),
    autoRenew: request.auto_renew ?? base.autoRenew,
    renewalDate: set(request.renewal_date, base.renewalDate),
    paymentMethod: set(request.payment_method, base.paymentMethod),
    invoiceIdLast: set(request.invoice_id_last, base.invoiceIdLast),
    ownerEmail: set(request.owner_email, base.ownerEmail),
    department: set(request.department, base.department),
    notes: set(request.notes, base.notes),
    hierarchyEntityId: set(request.hierarchy_entity_id, base.hierarchyEntityId),
    costSource: request.cost_source ?? base.costSource,
    sourceCurrency: set(request.source_currency, base.sourceCurrency)?.toUpperCase() ?? null,
  };
}

function prices(terms: PlanTerms, request: PlanChanges, problems: FieldProblem[]): Partial<PlanTerms> {
  const read = (name: keyof PlanChanges, rule: DecimalRule, known: string | null): string | null => {
    const given = request[name] as number | string | null | undefined;
    return given === undefined ? known : readDecimal(given, `/${name}`, rule, problems);
  };
  const discountValue = read(
    "discount_value",
    terms.discountType === "percent" ? percentRule : priceRule,
    terms.discountValue,
  );
  return {
    unitPrice: unitPrice(terms, request, problems),
    yearlyPrice: read("yearly_price", priceRule, terms.yearlyPrice),
    discountValue: terms.discountType === null ? null : discountValue,
    sourcePrice: read("source_price", sourceRule, terms.sourcePrice),
    exchangeRateUsed: read("exchange_rate_used", sourceRule, terms.exchangeRateUsed),
  };
}

/** The price of a cycle, under whichever of its names it was given; names that contradict each other are refused. */
function unitPrice(terms: PlanTerms, request: PlanChanges, problems: FieldProblem[]): string | null {
  const given = (["unit_price", "cost_per_cycle", "price_per_user_monthly"] as const).flatMap((name) => {
    const value = request[name];
    if (value === undefined) return [];
    const read = readDecimal(value, `/${name}`, priceRule, problems);
    return [{ name, value: name === "price_per_user_monthly" ? ofCycle(read, terms, problems) : read }];
  });
  const [first] = given;
  for (const other of given.slice(1)) {
    if (other.value !== first?.value) problems.push({ path: `/${other.name}`, problem: `contradicts ${first?.name}` });
  }
  return first === undefined ? terms.unitPrice : first.value;
}

function ofCycle(monthly: string | null, { billingCycle }: PlanTerms, problems: FieldProblem[]): string | null {
  const months = cycleMonths[billingCycle];
  if (months === undefined)
    problems.push({
      path: "/price_per_user_monthly",
      problem: "needs a billing cycle of whole months; give unit_price",
    });
  return monthly === null || months === undefined ? monthly : amountText(parseAmount(monthly).times(months));
}

function termProblems(terms: PlanTerms, request: PlanChanges, rules: TermRules): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const report = (path: string, problem: string): void => {
    problems.push({ path, problem });
  };
  if (request.price_per_user_monthly !== undefined && terms.pricingModel !== "PER_SEAT")
    report("/price_per_user_monthly", "contradicts pricing_model");
  if (request.cost_per_cycle !== undefined && terms.pricingModel !== "FLAT_FEE")
    report("/cost_per_cycle", "contradicts pricing_model");
  if (!rules.currencies.has(terms.currency)) report("/currency", "is not an ISO 4217 currency");
  if (terms.sourceCurrency !== null && !rules.currencies.has(terms.sourceCurrency))
    report("/source_currency", "is not an ISO 4217 currency");
  if (terms.billingCycle === "custom" && terms.cycleDays === null)
    report("/cycle_days", "is required for a custom cycle");
  if (terms.billingCycle !== "custom" && terms.cycleDays !== null) report("/cycle_days", "belongs to a custom cycle");
  if (terms.billingCycle !== "monthly" && terms.billingAnchorDay !== null)
    report("/billing_anchor_day", "belongs to a monthly cycle");
  return [
    ...problems,
    ...discountProblems(terms),
    ...sourceProblems(terms),
    ...dayProblems({ end_date: request.end_date, renewal_date: request.renewal_date }, rules.today),
  ];
}

function discountProblems(terms: PlanTerms): FieldProblem[] {
  const { discountType, discountValue } = terms;
  if (discountType === null) return [];
  const path = "/discount_value";
  if (discountValue === null) return [{ path, problem: "is required with discount_type" }];
  if (!parseAmount(discountValue).greaterThan(0)) return [{ path, problem: "must be more than 0" }];
  const list = cycleCost({ ...terms, discountType: null })?.list;
  const isTooMuch = discountType === "fixed" && list !== undefined && parseAmount(discountValue).greaterThan(list);
  return isTooMuch ? [{ path, problem: "must not be more than the cost of a cycle" }] : [];
}

/** The price in the seller's currency is documentation; it must not contradict the price that counts by more than 1 %. */
function sourceProblems({ sourcePrice, exchangeRateUsed, unitPrice: price }: PlanTerms): FieldProblem[] {
  if (sourcePrice === null || exchangeRateUsed === null || price === null) return [];
  const off = parseAmount(sourcePrice).times(parseAmount(exchangeRateUsed)).minus(parseAmount(price)).abs();
  const isOff = off.greaterThan(parseAmount(price).times("0.01"));
  return isOff ? [{ path: "/source_price", problem: "times exchange_rate_used is not unit_price within 1 %" }] : [];
}

/** Problems of days that a request names: 2000-01-01 to five years from today, UTC. */
export function dayProblems(days: Record<string, string | null | undefined>, today: string): FieldProblem[] {
  const last = lastPlanDay(today);
  return Object.entries(days).flatMap(([name, value]) =>
    value == null || (value >= firstPlanDay && value <= last)
      ? []
      : [{ path: `/${name}`, problem: `must be a day from ${firstPlanDay} to ${last}` }],
  );
}
