import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { conversionOf } from "#shared/costs/conversion.ts";
import { daysBetween } from "#shared/costs/dates.ts";
import { platformFacts } from "#shared/costs/platform-facts.ts";
import { type CostPorts, type CostRead, openRead, summaryOf } from "#shared/costs/read-summary.ts";
import { CostSummary } from "#shared/costs/summary-schema.ts";
import { withScope } from "#shared/entity-references/allocation-input.ts";
import type { TagCondition } from "#shared/hierarchy/allocation-rule.ts";
import { currentTree } from "#shared/hierarchy/hierarchy-store.ts";
import { monthOf } from "#shared/ledger/ledger.ts";
import { amountText, type Decimal, moneyText, parseAmount, sumAmounts, zero } from "#shared/money/amount.ts";
import { minorDigits } from "#shared/money/currencies.ts";
import type { FxRate } from "#shared/money/fx.ts";
import { lookUpRate } from "#shared/money/fx-look-up.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import type { MetricDocument } from "#shared/unit-economics/metric.ts";
import { metricNamed, valuesBetween } from "#shared/unit-economics/metric-store.ts";
import { groupsBy } from "./entity-sums.ts";
import { rangeTooLong } from "./rollup.ts";
import {
  atRate,
  costsByDimension,
  marginOf,
  ratioPercent,
  type UnitCost,
  type UnitDay,
  unitCost,
  unitPeriods,
} from "./unit-costs.ts";

const maxDays = 400;
const defaultTop = 50;

export const UnitReportQuery = strictObject({
  metric: Type.String({ minLength: 1, maxLength: 50 }),
  start_date: Type.String({ description: "First UTC day" }),
  end_date: Type.String({ description: "Last UTC day" }),
  granularity: Type.Optional(choice(["day", "week", "month"], { description: "day by default; weeks are ISO, UTC" })),
  by: Type.Optional(choice(["none", "dimension"])),
  currency: Type.Optional(Type.String({ pattern: "^[A-Za-z]{3}$" })),
  top: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, description: "Dimension values; 50 by default" })),
});
export type UnitReportQuery = Static<typeof UnitReportQuery>;

const Money = Type.String();
const Ratio = nullable(Type.String({ description: "Cost of one unit, at most 12 decimals" }));
const reasons = ["no_units", "no_metric", "no_rate"] as const;

export const UnitReport = strictObject({
  org_slug: Type.String(),
  metric: Type.String(),
  unit_name: Type.String(),
  currency: Type.String(),
  date_range: CostSummary.properties.date_range,
  total_cost: Money,
  total_units: nullable(Type.String()),
  unit_cost: Ratio,
  reason: nullable(choice(reasons)),
  ratio_percent: Type.Optional(nullable(Type.Number())),
  margin: Type.Optional(nullable(Money)),
  series: Type.Array(
    strictObject({
      period_start: Type.String(),
      period_end: Type.String(),
      cost: Money,
      units: nullable(Type.String()),
      unit_cost: Ratio,
      reason: nullable(choice(reasons)),
      complete: Type.Boolean(),
    }),
  ),
  by_dimension: Type.Array(
    strictObject({
      value: Type.String(),
      units: Type.String(),
      share_percent: nullable(Type.Number()),
      cost: Money,
      unit_cost: Ratio,
    }),
  ),
  other: strictObject({ count: Type.Integer(), cost: Money }),
  unallocated: Money,
  missing_days: Type.Array(Type.String()),
  versions: strictObject({
    ledger: CostSummary.properties.ledger_versions,
    hierarchy: Type.Integer(),
    allocation: Type.Integer(),
    metric: Type.Integer(),
  }),
  fx: CostSummary.properties.fx,
  complete: Type.Boolean(),
  completeness: CostSummary.properties.completeness,
});
export type UnitReport = Static<typeof UnitReport>;

/**
 * What one unit of a metric cost, by period and by value of its dimension: ratios of sums, of the cost that its scope
 * chooses. Errors: those of the costs room's reads, `METRIC_NOT_FOUND`. Source: hierarchy.md 3.
 */
export async function unitReport(
  { org, query }: { org: OrgIdentity; query: UnitReportQuery },
  ports: CostPorts,
): Promise<UnitReport> {
  const { body: metric } = await metricNamed(org, query.metric, ports.documents);
  if (query.by === "dimension" && metric.dimension === "none")
    throw new AppError("INVALID_PARAMETER", "The metric has no dimension.", {
      fields: [{ path: "/by", problem: "must be none: the metric has no dimension" }],
    });
  const read = await scopedRead(org, metric, query, ports);
  if (read.range.days > maxDays) throw rangeTooLong();
  const summary = await summaryOf(read, {}, ports);
  const states = new Map(summary.daily_trend.map(({ date, state }) => [date, state]));
  const { days, rates } = await reportDays(read, metric, { states, ports });
  const digits = minorDigits(read.facts.minorDigits, read.conversion.currency);
  const money = (amount: Decimal): string => moneyText(amount, digits);
  const whole = unitCost(days, metric.aggregation);
  const missing = days.filter((each) => isMissing(each) && each.day <= read.today).map(({ day }) => day);
  return {
    org_slug: org.slug,
    metric: metric.metric,
    unit_name: metric.unitName,
    currency: read.conversion.currency,
    date_range: summary.date_range,
    total_cost: money(whole.cost),
    total_units: whole.units && amountText(whole.units),
    unit_cost: whole.unitCost && amountText(whole.unitCost),
    reason: whole.reason,
    ...(metric.kind === "money" ? moneyFields(whole, money) : {}),
    series: seriesOf(days, metric, query, money),
    ...dimensions(days, metric, query, money),
    missing_days: missing,
    versions: {
      ledger: summary.ledger_versions,
      ...(read.allocation?.versions ?? { hierarchy: 0, allocation: 0 }),
      metric: metric.valuesVersion,
    },
    fx: [...summary.fx, ...rates],
    complete: summary.complete && whole.isComplete,
    completeness: summary.completeness,
  };
}

/** Nothing was stored; money that lacks a rate was. */
function isMissing({ values, lacksRate }: UnitDay): boolean {
  return values === undefined && lacksRate !== true;
}

/** The rows that the metric's scope chooses. */
async function scopedRead(
  org: OrgIdentity,
  { costScope: scope }: MetricDocument,
  { start_date, end_date, currency }: UnitReportQuery,
  ports: CostPorts,
): Promise<CostRead> {
  const facts = await platformFacts();
  const { providers, hierarchy_entity_ids: ids, service_categories: categories, tags } = scope;
  const active = ids && (await activeOf(org, ids, ports));
  const asked = {
    ...{ start_date, end_date },
    ...(currency === undefined ? {} : { currency }),
    ...(providers === undefined ? {} : { providers }),
    ...(active === undefined || active.length === 0 ? {} : { hierarchy_entity_id: active }),
  };
  const read = await openRead({ org, query: asked, byEntity: true }, ports, facts);
  // Of a scope whose entities have all ended there is no cost, not all of it.
  const entities = active?.length === 0 ? { named: [], entities: [] } : read.entities;
  const conditions = tags?.map(({ key, value }): TagCondition => {
    const named = { key, ignore_case: false };
    return value === undefined ? { ...named, op: "exists" } : { ...named, op: "eq", values: [value] };
  });
  const match = {
    ...(categories === undefined ? {} : { service_categories: categories }),
    ...(conditions === undefined ? {} : { tags: conditions }),
  };
  const allocation = read.allocation && withScope(read.allocation, { match, effectiveFrom: null, effectiveTo: null });
  return { ...read, entities, allocation };
}

async function activeOf(org: OrgIdentity, ids: readonly string[], { documents }: CostPorts): Promise<string[]> {
  const { nodes } = await currentTree(org, documents);
  return ids.filter((id) => nodes.has(id));
}

interface Seen {
  /** Of the cost of a UTC day. */
  states: ReadonlyMap<string, string>;
  ports: CostPorts;
}

/** Every day of the range up to today, and later ones that have cost. */
async function reportDays(
  read: CostRead,
  metric: MetricDocument,
  { states, ports }: Seen,
): Promise<{ days: UnitDay[]; rates: FxRate[] }> {
  const { range, today, org } = read;
  const costs = new Map<string, Decimal>();
  for (const { key, sums } of await groupsBy(read, ports, ["day", "mark"]))
    if (key.mark === "true") costs.set(key.day, (costs.get(key.day) ?? zero).plus(sums[metric.cost]));
  const rates = new Map<string, FxRate>();
  const measured = new Map<string, Pick<UnitDay, "values" | "lacksRate">>();
  for await (const { day, values } of valuesBetween(org, metric, range, ports.documents)) {
    const quantities = values.map(({ dimension, quantity }) => ({ value: dimension, quantity: parseAmount(quantity) }));
    const rate = await rateOf(metric, day, read);
    if (rate === undefined) measured.set(day, { values: undefined, lacksRate: true });
    else if (rate === "same") measured.set(day, { values: quantities });
    else {
      rates.set(JSON.stringify(rate), rate);
      const converted = quantities.map(({ value, quantity }) => ({ value, quantity: atRate(quantity, rate.rate) }));
      measured.set(day, { values: converted });
    }
  }
  const all = daysBetween(range.start, range.end).filter((day) => day <= today || costs.has(day));
  const days = all.map((day): UnitDay => {
    const { values, lacksRate = false } = measured.get(day) ?? { values: undefined };
    const state = states.get(day) ?? "empty";
    const isComplete = state === "complete" || state === "empty";
    return { day, cost: costs.get(day) ?? zero, values, lacksRate, isComplete };
  });
  return { days, rates: [...rates.values()] };
}

/** By the same book as the cost of the day. Undefined where no source knows the pair: then the money is unknown, never 0. */
async function rateOf(
  { kind, currency: from }: MetricDocument,
  day: string,
  { conversion }: CostRead,
): Promise<FxRate | "same" | undefined> {
  const { currency: to, book } = conversionOf(monthOf(day), conversion);
  if (kind === "count" || from === null || from === to) return "same";
  return lookUpRate({ from, to, day }, book);
}

type Shown = (amount: Decimal) => string;

function moneyFields(whole: UnitCost, money: Shown): Pick<UnitReport, "ratio_percent" | "margin"> {
  const margin = marginOf(whole);
  return { ratio_percent: ratioPercent(whole), margin: margin && money(margin) };
}

function seriesOf(
  days: readonly UnitDay[],
  { aggregation }: MetricDocument,
  { granularity = "day" }: UnitReportQuery,
  money: Shown,
): UnitReport["series"] {
  return unitPeriods(days, { granularity, aggregation }).map((period) => ({
    period_start: period.start,
    period_end: period.end,
    cost: money(period.cost),
    units: period.units && amountText(period.units),
    unit_cost: period.unitCost && amountText(period.unitCost),
    reason: period.reason,
    complete: period.isComplete,
  }));
}

/** Without `by=dimension` none of the cost is divided. */
function dimensions(
  days: readonly UnitDay[],
  { aggregation }: MetricDocument,
  { by = "none", top = defaultTop }: UnitReportQuery,
  money: Shown,
): Pick<UnitReport, "by_dimension" | "other" | "unallocated"> {
  if (by === "none") return { by_dimension: [], other: { count: 0, cost: money(zero) }, unallocated: money(zero) };
  const { values, unallocated } = costsByDimension(days, aggregation);
  const others = values.slice(top);
  return {
    by_dimension: values.slice(0, top).map(({ value, units, sharePercent, cost, unitCost: ratio }) => ({
      ...{ value, units: amountText(units), share_percent: sharePercent },
      ...{ cost: money(cost), unit_cost: ratio && amountText(ratio) },
    })),
    other: { count: others.length, cost: money(sumAmounts(others.map(({ cost }) => cost))) },
    unallocated: money(unallocated),
  };
}
