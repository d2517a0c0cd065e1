import type { DayPricing, UnpricedUsage } from "#shared/ledger/ledger.ts";
import { amountText, parseAmount } from "#shared/money/amount.ts";
import type { ComputedRow, UsageRow } from "#shared/providers/raw-rows.ts";
import { isEarlierBook } from "./price-book.ts";

type Row = Record<string, unknown>;

/** Models that one day names at most; what is left is summed per provider. */
const mostModels = 20;

/** By UTC day, the book that rows of `genai_computed_daily` are priced with: the earliest, later ones fill what it lacks. */
export function pricedWith(rows: Record<string, readonly Row[]>): Record<string, DayPricing> {
  const lines = (rows["genai_computed_daily"] ?? []) as unknown as readonly ComputedRow[];
  return Object.fromEntries([...bookOfDays(lines)].map(([day, version]) => [day, { version }]));
}

/** The book a day was first priced with, of lines of any number of days. */
export function bookOfDays(
  lines: readonly Pick<ComputedRow, "usage_date" | "price_version">[],
): ReadonlyMap<string, string> {
  const books = new Map<string, string>();
  for (const { usage_date: day, price_version: version } of lines) {
    const known = books.get(day);
    if (known === undefined || isEarlierBook(version, known)) books.set(day, version);
  }
  return books;
}

/**
 * By UTC day, the usage that no money stands for: it has no price, and no charge of the provider covers its model and
 * tier. `rows` are usage and computed rows of whole days, `costs` the rows of `cost_data_standard` made from them.
 * Source: `prices-and-plans.md` A5, `costs.md` 4.
 */
export function unpricedByDay(rows: Record<string, readonly Row[]>, costs: readonly Row[]): Record<string, DayPricing> {
  const lines = (rows["genai_computed_daily"] ?? []) as unknown as readonly ComputedRow[];
  const usage = (rows["genai_usage_daily_raw"] ?? []) as unknown as readonly UsageRow[];
  const isCharged = chargedUsage(costs);
  const open = lines.filter((line) => line.price_status === "unpriced" && !isCharged(line));
  if (open.length === 0) return {};
  const requests = new Map(usage.map((row) => [row.x_source_record_id, row.request_count ?? 0]));
  const days = new Map<string, ComputedRow[]>();
  for (const line of open) days.set(line.usage_date, [...(days.get(line.usage_date) ?? []), line]);
  return Object.fromEntries([...days].map(([day, own]) => [day, { unpriced: bounded(byModel(own, requests)) }]));
}

/** Whether the provider's own money covers a line; a charge that names no tier covers all of them. */
function chargedUsage(costs: readonly Row[]): (line: ComputedRow) => boolean {
  const place = (day: unknown, model: unknown, tier: unknown): string =>
    JSON.stringify([day, model ?? null, tier ?? null]);
  const charged = new Set(
    costs
      .filter((row) => row["x_cost_source"] !== "computed" && row["ChargeCategory"] === "Usage")
      .map((row) => place(row["x_charge_date"], row["x_model"], row["x_service_tier"])),
  );
  return ({ usage_date: day, model, service_tier: tier, unit }) => {
    // Charges for tools name no model.
    const models = unit === "tokens" ? [model] : [model, null];
    return models.some((each) => charged.has(place(day, each, null)) || charged.has(place(day, each, tier)));
  };
}

function byModel(lines: readonly ComputedRow[], requests: ReadonlyMap<string, number>): UnpricedUsage[] {
  const groups = new Map<string, ComputedRow[]>();
  for (const line of lines) {
    const key = JSON.stringify([line.provider, line.model]);
    groups.set(key, [...(groups.get(key) ?? []), line]);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, own]) => unpricedUsage(own, requests));
}

function unpricedUsage(lines: readonly ComputedRow[], requests: ReadonlyMap<string, number>): UnpricedUsage {
  const records = new Set(lines.map(({ usage_record_id }) => usage_record_id));
  const meters = sums(lines.map(({ sku_meter, quantity }) => [sku_meter, quantity]));
  const tokens = sums(lines.filter(({ unit }) => unit === "tokens").map(({ quantity }) => ["tokens", quantity]));
  return {
    provider: lines[0]?.provider ?? "",
    model: lines[0]?.model ?? null,
    rows: records.size,
    requests: [...records].reduce((sum, id) => sum + (requests.get(id) ?? 0), 0),
    tokens: tokens["tokens"] ?? "0",
    meters,
  };
}

/** A day's entry stands in the ledger with thousands of others: names that a provider makes up must not fill it. */
function bounded(groups: readonly UnpricedUsage[]): UnpricedUsage[] {
  const named = groups.slice(0, mostModels);
  const rest = new Map<string, UnpricedUsage>();
  for (const group of groups.slice(mostModels)) {
    const known = rest.get(group.provider);
    rest.set(group.provider, known === undefined ? { ...group, model: null } : added(known, group));
  }
  return [...named, ...rest.values()];
}

function added(one: UnpricedUsage, other: UnpricedUsage): UnpricedUsage {
  return {
    ...one,
    rows: one.rows + other.rows,
    requests: one.requests + other.requests,
    tokens: amountText(parseAmount(one.tokens).plus(other.tokens)),
    meters: sums([...Object.entries(one.meters), ...Object.entries(other.meters)]),
  };
}

function sums(quantities: readonly (readonly [string, string])[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [meter, quantity] of quantities)
    found[meter] = amountText(parseAmount(found[meter] ?? "0").plus(quantity));
  return found;
}
