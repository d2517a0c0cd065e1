import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import { batchDaysOf, publishedMonth } from "#shared/ledger/current-batches.ts";
import { monthOf } from "#shared/ledger/ledger.ts";
import { amountText, type Decimal, parseAmount } from "#shared/money/amount.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { nullable, strictObject } from "#shared/runtime/schema.ts";
import { matchModel, matchRules } from "./model-match.ts";
import { bookOf } from "./org-prices.ts";
import type { PriceBook } from "./price-book.ts";
import { day } from "./price-fields.ts";
import { todayOf } from "./prices-read.ts";
import type { BookPorts } from "./releases.ts";
import { everywhere } from "./versions.ts";

const longestRange = 400;
const defaultRange = 30;
const dayMilliseconds = 86_400_000;

export const RangeQuery = strictObject({
  start_date: Type.Optional(day({ description: "First UTC day; 30 days before the last by default" })),
  end_date: Type.Optional(day({ description: "Last UTC day; today by default" })),
});
export type RangeQuery = Static<typeof RangeQuery>;

export const UnpricedList = strictObject({
  org_slug: Type.String(),
  start_date: Type.String(),
  end_date: Type.String(),
  unpriced: Type.Array(
    strictObject({
      provider: Type.String(),
      model: nullable(Type.String()),
      reason: Type.String({ description: "model_unknown, or rate_missing where the model has a price" }),
      days: Type.Array(Type.String()),
      quantities: Type.Record(Type.String(), Type.String()),
      rules_tried: Type.Array(Type.String()),
    }),
  ),
  count: Type.Integer(),
  price_book_version: Type.String(),
});
export type UnpricedList = Static<typeof UnpricedList>;

type Line = {
  usage_date: string;
  provider: string;
  model: string | null;
  sku_meter: string;
  quantity: string;
  price_status: string;
};

/** Published usage without a price, by the name the provider gives it; the newest day of each first. */
export async function unpricedUsage(
  asked: { org: OrgIdentity; query: RangeQuery },
  ports: BookPorts & { warehouse: Warehouse },
): Promise<UnpricedList> {
  const { org } = asked;
  const range = rangeOf(asked.query, todayOf(ports));
  const book = await bookOf(org, ports);
  const lines = (await publishedLines(org, range, ports)).filter((line) => line.price_status === "unpriced");
  const unpriced = byName(lines, book, range.end);
  const { start: start_date, end: end_date } = range;
  return {
    org_slug: org.slug,
    start_date,
    end_date,
    unpriced,
    count: unpriced.length,
    price_book_version: book.version,
  };
}

/** Both ends included, UTC. Throws 400 `INVALID_DATE_RANGE`, `RANGE_TOO_LONG`. */
export function rangeOf(query: RangeQuery, today: string): { start: string; end: string } {
  const end = query.end_date ?? today;
  const before = new Date(Date.parse(`${end}T00:00:00Z`) - (defaultRange - 1) * dayMilliseconds).toISOString();
  const start = query.start_date ?? before.slice(0, 10);
  const fields = ["/start_date", "/end_date"].map((path) => ({ path, problem: "is not a range of days" }));
  if (start > end) throw new AppError("INVALID_DATE_RANGE", "start_date is after end_date.", { fields });
  if ((Date.parse(end) - Date.parse(start)) / dayMilliseconds >= longestRange)
    throw new AppError("RANGE_TOO_LONG", `A range has at most ${longestRange} days.`, { fields });
  return { start, end };
}

async function publishedLines(
  org: OrgIdentity,
  { start, end }: { start: string; end: string },
  { documents, warehouse }: BookPorts & { warehouse: Warehouse },
): Promise<Line[]> {
  const organization = (await documents.get<OrgDocument>(orgPath(org.key))).body;
  if (organization === undefined) throw new AppError("ORG_NOT_FOUND", "There is no such organization.");
  const months = monthsOf(start, end);
  const found = await Promise.all(
    months.map((month) => publishedMonth(org, month, organization.ledgerEpoch, documents)),
  );
  const days = found.flatMap((month) => month.days).filter(({ day: at }) => start <= at && at <= end);
  const table = (await loadTableConfig("organizations")).tables.find(({ name }) => name === "genai_computed_daily");
  const batches = table === undefined ? [] : batchDaysOf(days, table.name);
  if (table === undefined || batches.length === 0) return [];
  const { rowsOf } = await import("#shared/platform/warehouse/frame.ts");
  const columns = ["usage_date", "provider", "model", "sku_meter", "quantity", "price_status"];
  const frame = await warehouse.read({ datasetId: organization.dataset.id, table }, batches, columns);
  return rowsOf(frame, table) as unknown as Line[];
}

function monthsOf(start: string, end: string): string[] {
  const months: string[] = [];
  for (let at = Date.parse(`${monthOf(start)}-01T00:00:00Z`); ; at += 31 * dayMilliseconds) {
    const month = monthOf(new Date(at).toISOString());
    if (month > monthOf(end)) return months;
    if (!months.includes(month)) months.push(month);
    at = Date.parse(`${month}-01T00:00:00Z`);
  }
}

function byName(lines: readonly Line[], book: PriceBook, onDay: string): UnpricedList["unpriced"] {
  const groups = new Map<string, { line: Line; days: Set<string>; quantities: Map<string, Decimal> }>();
  for (const line of lines) {
    const key = JSON.stringify([line.provider, line.model]);
    const group = groups.get(key) ?? { line, days: new Set<string>(), quantities: new Map<string, Decimal>() };
    group.days.add(line.usage_date);
    const known = group.quantities.get(line.sku_meter);
    const quantity = parseAmount(line.quantity);
    group.quantities.set(line.sku_meter, known === undefined ? quantity : known.plus(quantity));
    groups.set(key, group);
  }
  return [...groups.values()]
    .map(({ line, days, quantities }) => ({
      provider: line.provider,
      model: line.model,
      reason: isKnown(line, book, onDay) ? "rate_missing" : "model_unknown",
      days: [...days].sort(),
      quantities: Object.fromEntries([...quantities].sort().map(([meter, sum]) => [meter, amountText(sum)])),
      rules_tried: [...matchRules],
    }))
    .sort((a, b) => ((a.days.at(-1) ?? "") < (b.days.at(-1) ?? "") ? 1 : -1));
}

function isKnown({ provider, model }: Line, book: PriceBook, onDay: string): boolean {
  return (
    model !== null && matchModel(book, { flow: "payg", provider, model, day: onDay, region: everywhere }) !== undefined
  );
}
