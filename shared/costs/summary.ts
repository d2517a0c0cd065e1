import { moneyText } from "#shared/money/amount.ts";
import { type MinorDigits, minorDigits } from "#shared/money/currencies.ts";
import type { SourcesReport } from "./completeness.ts";
import { fxShown, noRate } from "./conversion.ts";
import { byCodePoint, byCost, largest, type Shown, shownGroup, shownSums, totalOf } from "./cost-groups.ts";
import { type DateRange, daysBetween, earlierDay } from "./dates.ts";
import { type CostFilters, categories, type ShownFilters } from "./filters.ts";
import { type Group, regrouped } from "./frame-groups.ts";
import type { ReadGroups } from "./read-groups.ts";
import type { CostSummary } from "./summary-schema.ts";
import { type Basis, noSums, savingsOf } from "./sums.ts";
import type { Unpriced } from "./unpriced.ts";

/** The groups a summary is made of. */
export type SummaryGroups = Pick<ReadGroups, "kinds" | "services" | "days" | "natives">;

export interface SummaryInput {
  orgSlug: string;
  currency: string;
  basis: Basis;
  top: number;
  range: DateRange;
  /** RFC 3339 UTC; null where what is published now is shown. */
  asOf: string | null;
  /** UTC day of the instant that is read. */
  today: string;
  filters: ShownFilters;
  unknownFilters: CostFilters;
  groups: SummaryGroups;
  sources: SourcesReport;
  unpriced: Unpriced;
  /** By month of the range. */
  ledgerVersions: Record<string, number>;
  minorDigits: MinorDigits;
  providerName: (id: string) => string;
}

type Answer = Omit<CostSummary, "cache_hit" | "query_time_ms">;

/**
 * The summary of exact groups. Rows that no source has a rate for are in no sum: they stand natively in
 * `totals_by_currency` and are named in `completeness.unconverted`. Source: costs.md 4 and 5.1.
 */
export function costSummary(input: SummaryInput): Answer {
  const { basis, currency, groups, range, sources, unpriced } = input;
  const digits = minorDigits(input.minorDigits, currency);
  const kinds = groups.kinds.filter(isConverted);
  const shown: Shown = { basis, minorDigits: digits, total: totalOf(kinds)[basis] };
  const unconverted = unconvertedOf(input);
  const hasAllAmounts = unconverted.length === 0 && unpriced.items.length === 0;
  return {
    org_slug: input.orgSlug,
    currency,
    basis,
    date_range: dateRangeOf(range),
    filters: input.filters,
    unknown_filters: input.unknownFilters,
    ...totalsOf(kinds, shown),
    breakdown_by_provider: providersOf(kinds, shown, input.providerName),
    breakdown_by_category: categoriesOf(kinds, shown),
    breakdown_by_charge_category: chargeCategoriesOf(kinds, shown),
    daily_trend: trendOf(input, shown),
    ...topServicesOf(input, shown),
    providers: distinct(groups.kinds.map(({ key }) => key.provider)),
    service_categories: distinct(groups.services.map(({ key }) => key.service_category)),
    ledger_versions: input.ledgerVersions,
    as_of: input.asOf,
    totals_by_currency: totalsByCurrency(groups.natives, input.minorDigits),
    fx: fxShown(groups.natives),
    complete: sources.hasAllDays && hasAllAmounts,
    completeness: {
      status: hasAllAmounts ? sources.status : "partial",
      published_through: sources.published_through,
      complete_through: sources.complete_through,
      ignored_sources: sources.ignored_sources,
      sources: sources.sources,
      unpriced,
      unconverted,
    },
    contains_simulated: groups.kinds.some(({ key }) => key.simulated === "true"),
  };
}

function dateRangeOf({ start, end, days, label }: DateRange): Answer["date_range"] {
  return { start_date: start, end_date: end, start, end, days, label, time_zone: "UTC" };
}

function totalsOf(kinds: SummaryGroups["kinds"], { basis, minorDigits: digits }: Shown) {
  const total = totalOf(kinds);
  const chargedAs = (category: string) =>
    moneyText(totalOf(kinds.filter(({ key }) => key.charge_category === category))[basis], digits);
  return {
    total_cost: moneyText(total[basis], digits),
    total_billed_cost: moneyText(total.billed, digits),
    total_effective_cost: moneyText(total.effective, digits),
    total_list_cost: moneyText(total.list, digits),
    total_contracted_cost: moneyText(total.contracted, digits),
    total_savings: moneyText(savingsOf(total), digits),
    savings_negotiated: moneyText(total.negotiated, digits),
    savings_commitment: moneyText(total.commitment, digits),
    total_credits: moneyText(total.credits, digits),
    total_tax: chargedAs("Tax"),
    total_adjustments: chargedAs("Adjustment"),
    record_count: total.rows,
  };
}

/** SaaS plans are many and small: they are one group, by the stored category, with their providers as members. */
function providersOf(
  kinds: SummaryGroups["kinds"],
  shown: Shown,
  providerName: (id: string) => string,
): Answer["breakdown_by_provider"] {
  const byProvider = (some: SummaryGroups["kinds"]) => regrouped(some, ["provider"]);
  const named = ({ key, sums }: Group<"provider">) => ({
    provider: key.provider,
    provider_name: providerName(key.provider),
    ...shownGroup(sums, shown),
  });
  const single = byProvider(kinds.filter(({ key }) => key.category !== "saas"));
  const plans = byProvider(kinds.filter(({ key }) => key.category === "saas"));
  const saas = plans.length === 0 ? [] : [{ key: { provider: "saas" }, sums: totalOf(plans) }];
  return byCost([...single, ...saas], shown.basis, ["provider"]).map((group) => {
    if (!saas.includes(group)) return named(group);
    const members = byCost(plans, shown.basis, ["provider"]).map(named);
    return { ...named(group), provider_name: "SaaS", members };
  });
}

function categoriesOf(kinds: SummaryGroups["kinds"], shown: Shown): Answer["breakdown_by_category"] {
  const all = categories.map((category) => ({
    key: { category },
    sums: totalOf(kinds.filter(({ key }) => key.category === category)),
  }));
  return byCost(all, shown.basis, ["category"]).map(({ key, sums }) => ({ ...key, ...shownGroup(sums, shown) }));
}

function chargeCategoriesOf(kinds: SummaryGroups["kinds"], shown: Shown): Answer["breakdown_by_charge_category"] {
  return byCost(regrouped(kinds, ["charge_category"]), shown.basis, ["charge_category"]).map(({ key, sums }) => ({
    charge_category: key.charge_category,
    ...shownGroup(sums, shown),
  }));
}

function trendOf({ groups, range, today, sources }: SummaryInput, shown: Shown): Answer["daily_trend"] {
  const byDay = new Map(groups.days.filter(isConverted).map(({ key, sums }) => [key.day, sums]));
  return daysBetween(range.start, earlierDay(range.end, today)).map((date) => {
    const { total_cost, billed_cost, effective_cost } = shownSums(byDay.get(date) ?? noSums, shown);
    return { date, total_cost, billed_cost, effective_cost, state: sources.stateOf(date) };
  });
}

function topServicesOf({ groups, top: count, providerName }: SummaryInput, shown: Shown) {
  const keys = ["provider", "service"] as const;
  const services = regrouped(groups.services.filter(isConverted), keys);
  const { top, remainder } = largest(services, count, { basis: shown.basis, keys });
  return {
    top_services: top.map(({ key, sums }) => ({
      provider: key.provider,
      provider_name: providerName(key.provider),
      service: key.service,
      ...shownGroup(sums, shown),
    })),
    top_services_remainder: remainder && { group_count: remainder.groupCount, ...shownSums(remainder.sums, shown) },
  };
}

function totalsByCurrency(natives: SummaryGroups["natives"], digits: MinorDigits): Answer["totals_by_currency"] {
  return regrouped(natives, ["currency"])
    .sort((a, b) => byCodePoint(a.key.currency, b.key.currency))
    .map(({ key, sums }) => {
      // A code that no list knows is shown with its own digits: padding would guess its minor unit.
      const money = (amount: typeof sums.billed): string => moneyText(amount, digits.get(key.currency) ?? 0);
      return {
        currency: key.currency,
        billed_cost: money(sums.billed),
        effective_cost: money(sums.effective),
        list_cost: money(sums.list),
        contracted_cost: money(sums.contracted),
        record_count: sums.rows,
      };
    });
}

function unconvertedOf({ groups, minorDigits }: SummaryInput): Answer["completeness"]["unconverted"] {
  const without = groups.natives.filter(({ key }) => key.fx === noRate);
  return totalsByCurrency(without, minorDigits).map(({ currency, billed_cost, effective_cost }) => ({
    currency,
    billed_cost,
    effective_cost,
    days: new Set(without.filter(({ key }) => key.currency === currency).map(({ key }) => key.day)).size,
  }));
}

function isConverted({ key }: { key: { converted: string } }): boolean {
  return key.converted === "true";
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)].sort(byCodePoint);
}
