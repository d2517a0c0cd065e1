import type { PublishedMonth } from "#shared/ledger/current-batches.ts";
import type { MinorDigits } from "#shared/money/currencies.ts";
import { byCodePoint, shownSums, totalOf } from "./cost-groups.ts";
import { daysBetween, earlierDay } from "./dates.ts";
import { categories } from "./filters.ts";
import { addedGroups, type Group, monthGroups, type Selection } from "./frame-groups.ts";
import type { FrameKey } from "./month-frame.ts";
import { type MonthSource, ofEachMonth } from "./month-source.ts";
import type { SummaryInput } from "./summary.ts";
import type { CostSummary, NativeSummary } from "./summary-schema.ts";

/** The chosen rows in their own currencies. */
export interface NativeGroups {
  kinds: Group<"currency" | "provider" | "category" | "charge_category">[];
  services: Group<"currency" | "provider" | "service">[];
  days: Group<"currency" | "day">[];
}

/** As `readGroups`; amounts are never converted. */
export async function readNativeGroups(
  months: readonly PublishedMonth[],
  selection: Selection,
  monthOf: (month: PublishedMonth) => MonthSource,
): Promise<NativeGroups> {
  const parts = await ofEachMonth(months, (month) => {
    const source = monthOf(month);
    const groupsBy = <Key extends FrameKey>(keys: readonly Key[]) =>
      monthGroups(source, selection, { keys, isNative: true });
    return Promise.all([
      groupsBy(["currency", "provider", "category", "charge_category"]),
      groupsBy(["currency", "provider", "service"]),
      groupsBy(["currency", "day"]),
    ]);
  });
  return {
    kinds: addedGroups(parts.map(([kinds]) => kinds)),
    services: addedGroups(parts.map(([, services]) => services)),
    days: addedGroups(parts.map(([, , days]) => days)),
  };
}

type Shared = Pick<
  CostSummary,
  | "org_slug"
  | "as_of"
  | "basis"
  | "date_range"
  | "filters"
  | "unknown_filters"
  | "record_count"
  | "providers"
  | "service_categories"
  | "ledger_versions"
  | "totals_by_currency"
  | "completeness"
  | "contains_simulated"
>;
type Kinds = NativeGroups["kinds"];

/**
 * The summary without conversion: each group by currency, ordered by key, because no order of amounts crosses currencies;
 * `top` takes the first services by key. `converted` is the summary of the same read. Source: costs.md 2, `convert=none`.
 */
export function nativeSummary(
  input: Pick<
    SummaryInput,
    "basis" | "top" | "range" | "today" | "sources" | "unpriced" | "minorDigits" | "providerName"
  >,
  groups: NativeGroups,
  converted: Shared,
): Omit<NativeSummary, "cache_hit" | "query_time_ms"> {
  const { sources, unpriced } = input;
  const shown = shownBy(input);
  const hasAllAmounts = unpriced.items.length === 0;
  const { org_slug, basis, date_range, filters, unknown_filters, providers, service_categories } = converted;
  const { ledger_versions, as_of, totals_by_currency, contains_simulated, completeness } = converted;
  return {
    ...{ org_slug, basis, date_range, filters, unknown_filters, providers, service_categories },
    ...{ ledger_versions, as_of, totals_by_currency, contains_simulated },
    record_count: totalOf(groups.kinds).rows,
    currency: null,
    fx: [],
    breakdown_by_provider: providersOf(groups.kinds, input.providerName, shown),
    breakdown_by_category: categories.map((category) => ({
      category,
      ...shown(groups.kinds.filter(({ key }) => key.category === category)),
    })),
    breakdown_by_charge_category: split(groups.kinds, ({ charge_category }) => charge_category).map(
      ([charge_category, own]) => ({ charge_category, ...shown(own) }),
    ),
    daily_trend: trendOf(groups.days, input, shown),
    ...servicesOf(groups.services, input, shown),
    complete: sources.hasAllDays && hasAllAmounts,
    completeness: { ...completeness, status: hasAllAmounts ? sources.status : "partial", unconverted: [] },
  };
}

type ByCurrency = Group<"currency">;
type NativeSums = NativeSummary["top_services"][number]["by_currency"];
type Show = (groups: readonly ByCurrency[]) => { by_currency: NativeSums; record_count: number };

function shownBy({ basis, minorDigits }: { basis: SummaryInput["basis"]; minorDigits: MinorDigits }): Show {
  return (groups) => ({
    by_currency: split(groups, ({ currency }) => currency).map(([currency, own]) => ({
      currency,
      // A code that no list knows is shown with its own digits: padding would guess its minor unit.
      ...shownSums(totalOf(own), { basis, minorDigits: minorDigits.get(currency) ?? 0 }),
    })),
    record_count: totalOf(groups).rows,
  });
}

/** SaaS plans are one group with their providers as members, as in every summary. */
function providersOf(
  kinds: Kinds,
  providerName: (id: string) => string,
  shown: Show,
): NativeSummary["breakdown_by_provider"] {
  const byProvider = (some: Kinds) =>
    split(some, ({ provider }) => provider).map(([provider, own]) => ({
      provider,
      provider_name: providerName(provider),
      ...shown(own),
    }));
  const plans = kinds.filter(({ key }) => key.category === "saas");
  const single = byProvider(kinds.filter(({ key }) => key.category !== "saas"));
  if (plans.length === 0) return single;
  const saas = { provider: "saas", provider_name: "SaaS", ...shown(plans), members: byProvider(plans) };
  return [...single, saas].sort((a, b) => byCodePoint(a.provider, b.provider));
}

function trendOf(
  days: NativeGroups["days"],
  { range, today, sources }: Pick<SummaryInput, "range" | "today" | "sources">,
  shown: Show,
): NativeSummary["daily_trend"] {
  const byDay = new Map(split(days, ({ day }) => day));
  return daysBetween(range.start, earlierDay(range.end, today)).map((date) => ({
    date,
    by_currency: shown(byDay.get(date) ?? []).by_currency,
    state: sources.stateOf(date),
  }));
}

function servicesOf(
  services: NativeGroups["services"],
  { top, providerName }: Pick<SummaryInput, "top" | "providerName">,
  shown: Show,
): Pick<NativeSummary, "top_services" | "top_services_remainder"> {
  const all = split(services, ({ provider, service }) => JSON.stringify([provider, service]));
  const rest = all.slice(top);
  return {
    top_services: all.slice(0, top).map(([text, own]) => {
      const [provider = "", service = ""] = JSON.parse(text) as string[];
      return { provider, provider_name: providerName(provider), service, ...shown(own) };
    }),
    top_services_remainder:
      rest.length === 0 ? null : { group_count: rest.length, ...shown(rest.flatMap(([, own]) => own)) },
  };
}

/** Groups by a text of their keys, in its order. */
function split<Key extends FrameKey>(
  groups: readonly Group<Key>[],
  textOf: (key: Readonly<Record<Key, string>>) => string,
): [string, Group<Key>[]][] {
  const found = new Map<string, Group<Key>[]>();
  for (const group of groups) found.set(textOf(group.key), [...(found.get(textOf(group.key)) ?? []), group]);
  return [...found].sort(([a], [b]) => byCodePoint(a, b));
}
