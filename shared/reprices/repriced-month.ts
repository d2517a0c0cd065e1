import type { PublishedDay } from "#shared/ledger/current-batches.ts";
import type { DayPricing } from "#shared/ledger/ledger.ts";
import { pricedWith, unpricedByDay } from "#shared/prices/day-pricing.ts";
import type { PriceBook } from "#shared/prices/price-book.ts";
import { type CountedTokens, countedColumns, looksBackTo } from "#shared/prices/used-before.ts";
import type { ProviderAdapter, Row } from "#shared/providers/provider.ts";
import type { ComputedRow, UsageRow } from "#shared/providers/raw-rows.ts";
import type { ProviderEntry } from "#shared/providers/registry-schema.ts";
import { grouped } from "./grouped.ts";
import {
  billedTable,
  computedTable,
  costTable,
  type Published,
  pulledMonths,
  rowsOfDays,
  tableNamed,
  usageTable,
} from "./published-rows.ts";
import type { RepriceScope } from "./reprice.ts";
import { type LineMove, repricedLines } from "./repriced-lines.ts";

/** Published days of one source in one month, and who wrote them. */
export interface SourceMonth {
  provider: ProviderEntry;
  adapter: ProviderAdapter;
  days: readonly PublishedDay[];
}

export interface RepricedMonth {
  asked: LineMove[];
  /** Ids of the lines whose money counts: nothing that the provider reports stands for it. */
  counted: ReadonlySet<string>;
  /** Days that would change. */
  changed: RepricedDay[];
}

export interface RepricedDay {
  day: PublishedDay;
  computed: ComputedRow[];
  /** Rows of `cost_data_standard`; undefined where none of them is computed and all stay as they are. */
  costs: Row[] | undefined;
  pricing: DayPricing;
  /** Rows of the day by table, of the tables that stay. */
  standing: Record<string, number>;
}

/**
 * What the published usage of one source and month costs by another version of the book. Preview and application both
 * ask this; nothing is written and no provider is called. Rows that the provider reports stay as they are.
 */
export async function repricedMonth(
  source: SourceMonth,
  by: { scope: RepriceScope; book: PriceBook },
  published: Published,
): Promise<RepricedMonth> {
  const [usage, computed] = await Promise.all([
    rowsOfDays(usageTable, source.days, published) as Promise<unknown> as Promise<UsageRow[]>,
    rowsOfDays(computedTable, source.days, published) as Promise<unknown> as Promise<ComputedRow[]>,
  ]);
  const earlier = await earlierTokens(source.days, by.book, published);
  const lines = repricedLines({ usage, computed, earlier }, by.scope, by.book);
  const costs = await costRows(source, { usage, computed: lines.rows, moves: lines.asked }, published);
  const moved = new Set(lines.asked.filter(isMove).map(({ after }) => after.usage_date));
  const onDay = grouped(lines.rows, (row) => row.usage_date);
  const usageOn = grouped(usage, (row) => row.usage_date);
  const counts = await rowCounts(
    source.days.filter(({ day }) => moved.has(day)),
    published,
  );
  const changed = source.days
    .filter(({ day }) => moved.has(day))
    .map((day): RepricedDay => {
      const rows = onDay.get(day.day) ?? [];
      const own = costs.rows.get(day.day);
      const raw = { [computedTable]: rows, [usageTable]: usageOn.get(day.day) ?? [] };
      const open = unpricedByDay(raw, costs.standing.get(day.day) ?? []);
      const pricing = { ...pricedWith(raw)[day.day], ...open[day.day] };
      return { day, computed: rows, costs: own, pricing, standing: counts.get(day.day) ?? {} };
    });
  return { asked: lines.asked, counted: costs.counted, changed };
}

/** How many rows the days have in each of their tables. */
async function rowCounts(
  days: readonly PublishedDay[],
  published: Published,
): Promise<ReadonlyMap<string, Record<string, number>>> {
  const counts = new Map<string, Record<string, number>>();
  for (const name of new Set(days.flatMap(({ batches }) => Object.keys(batches)))) {
    const field = (await tableNamed(name)).partition?.field ?? "";
    for (const row of await rowsOfDays(name, days, published, [field])) {
      const day = String(row[field]);
      const known = counts.get(day) ?? {};
      counts.set(day, { ...known, [name]: (known[name] ?? 0) + 1 });
    }
  }
  return counts;
}

export function isMove({ before, after }: LineMove): boolean {
  return before !== after;
}

/** The tokens of the source that are published before these days, where prices look back. */
async function earlierTokens(
  days: readonly PublishedDay[],
  book: PriceBook,
  published: Published,
): Promise<CountedTokens[]> {
  const [first] = days;
  const own = days.map(({ day }) => day).sort();
  const since = looksBackTo(book, own);
  if (first === undefined || since === undefined) return [];
  const last = own.at(-1) ?? since;
  const months = await pulledMonths(monthsBetween(since, last), published);
  const asked = new Set(own);
  const earlier = months
    .flatMap((month) => month.days)
    .filter(({ pipelineId, source }) => pipelineId === first.pipelineId && source === first.source)
    .filter(({ day }) => since <= day && day <= last && !asked.has(day));
  return (await rowsOfDays(usageTable, earlier, published, countedColumns)) as unknown as CountedTokens[];
}

/** `yyyy-mm` of all months from one UTC day to another. */
export function monthsBetween(first: string, last: string): string[] {
  const months: string[] = [];
  for (let month = first.slice(0, 7); month <= last.slice(0, 7); ) {
    months.push(month);
    const [year = 0, number = 0] = month.split("-").map(Number);
    month = new Date(Date.UTC(year, number, 1)).toISOString().slice(0, 7);
  }
  return months;
}

interface CostRows {
  /** Of the days whose computed rows are made anew. */
  rows: ReadonlyMap<string, Row[]>;
  /** What stands after the repricing, with the columns that tell what is charged. */
  standing: ReadonlyMap<string, Row[]>;
  counted: ReadonlySet<string>;
}

const chargeColumns = [
  "x_charge_date",
  "x_cost_source",
  "x_model",
  "x_service_tier",
  "ChargeCategory",
  "x_source_record_id",
];

/**
 * The rows that count are made of the priced lines by the provider's own room, as in a run; those of them that are not
 * computed are left out for the published ones.
 */
async function costRows(
  { provider, adapter, days }: SourceMonth,
  from: { usage: readonly UsageRow[]; computed: readonly ComputedRow[]; moves: readonly LineMove[] },
  published: Published,
): Promise<CostRows> {
  const charges = await rowsOfDays(costTable, days, published, chargeColumns);
  const standing = grouped(charges, (row) => String(row["x_charge_date"]));
  const counted = new Set(charges.filter(isComputed).map((row) => String(row["x_source_record_id"])));
  const filled = from.moves.filter(
    ({ before, after }) => before?.contracted_cost == null && after.contracted_cost !== null,
  );
  const fresh = new Set(filled.map(({ after }) => after.usage_date));
  const affected = days.filter(({ day }) => fresh.has(day) || (standing.get(day) ?? []).some(isComputed));
  const rows = new Map<string, Row[]>();
  if (adapter.focusRows === undefined || affected.length === 0) return { rows, standing, counted };
  const isAffected = new Set(affected.map(({ day }) => day));
  const derived = await adapter.focusRows({
    provider,
    accountId: from.usage[0]?.account_id ?? "",
    accountName: null,
    days: Object.fromEntries(affected.map(({ day, state }) => [day, state])),
    rows: {
      [usageTable]: from.usage.filter((row) => isAffected.has(row.usage_date)),
      [computedTable]: from.computed.filter((row) => isAffected.has(row.usage_date)),
      [billedTable]: await rowsOfDays(billedTable, affected, published),
    },
  });
  const made = grouped((derived.rows[costTable] ?? []).filter(isComputed), (row) => String(row["x_charge_date"]));
  const mixed = affected.filter(({ day }) => made.has(day) || (standing.get(day) ?? []).some(isComputed));
  const kept = (await rowsOfDays(costTable, mixed, published)).filter((row) => !isComputed(row));
  for (const { day } of mixed) {
    const own = [...kept.filter((row) => row["x_charge_date"] === day), ...(made.get(day) ?? [])];
    rows.set(day, own);
    standing.set(day, own);
    for (const row of made.get(day) ?? []) counted.add(String(row["x_source_record_id"]));
  }
  return { rows, standing, counted };
}

function isComputed(row: Row): boolean {
  return row["x_cost_source"] === "computed";
}
