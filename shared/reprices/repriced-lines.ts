import { amountText, parseAmount } from "#shared/money/amount.ts";
import { repricedRows } from "#shared/prices/computed-rows.ts";
import { normalisedModel } from "#shared/prices/model-name.ts";
import type { PriceBook } from "#shared/prices/price-book.ts";
import { type CountedTokens, looksBackTo, usedBefore } from "#shared/prices/used-before.ts";
import type { ComputedRow, UsageRow } from "#shared/providers/raw-rows.ts";
import { grouped } from "./grouped.ts";
import type { RepriceScope } from "./reprice.ts";

/** A line of published usage, as it is priced and as it would be. */
export interface LineMove {
  before: ComputedRow | undefined;
  after: ComputedRow;
}

export interface RepricedLines {
  /** Every line of the days as it would be published. */
  rows: ComputedRow[];
  /** Of the usage that the scope chooses, moved or not. */
  asked: LineMove[];
}

/** The usage of some days with the lines that are published for it. */
export interface PricedUsage {
  usage: readonly UsageRow[];
  computed: readonly ComputedRow[];
  /** Published tokens of earlier days, where prices look back. */
  earlier: readonly CountedTokens[];
}

/**
 * Prices published usage of one source again. A line that comes out the same stays as it is, with the version of the book
 * that it was priced with. Source: `prices-and-plans.md` A8, A9.
 */
export function repricedLines(published: PricedUsage, scope: RepriceScope, book: PriceBook): RepricedLines {
  const { usage, computed, earlier } = published;
  const known = grouped(computed, ({ usage_record_id: id }) => id);
  const since = looksBackTo(book, [...new Set(usage.map((row) => row.usage_date))]);
  const before = usedBefore(usage, earlier);
  const rows: ComputedRow[] = [];
  const asked: LineMove[] = [];
  for (const row of usage) {
    const own = known.get(row.x_source_record_id) ?? [];
    if (!isAsked(row, scope)) {
      rows.push(...own);
      continue;
    }
    const model = row.model === null ? undefined : scope.modelMap[row.model];
    const lines = repricedRows(row, {
      book,
      ...(since === undefined ? {} : { before: before(row, since) }),
      ...(model === undefined ? {} : { model }),
      ...(scope.priceDay === null ? {} : { priceDay: scope.priceDay }),
    });
    for (const line of lines) {
      const old = own.find(({ sku_meter: meter }) => meter === line.sku_meter);
      const after = old !== undefined && isSamePrice(old, line) ? old : line;
      rows.push(after);
      asked.push({ before: old, after });
    }
  }
  return { rows, asked };
}

function isAsked(row: UsageRow, { providers, models }: RepriceScope): boolean {
  if (providers !== null && !providers.includes(row.provider)) return false;
  if (models === null) return true;
  if (row.model === null) return false;
  const own = normalisedModel(row.provider, row.model);
  return models.some((model) => normalisedModel(row.provider, model) === own);
}

/** The book's version alone moves nothing. */
function isSamePrice(one: ComputedRow, other: ComputedRow): boolean {
  const decimals = ["quantity", "list_unit_price", "contracted_unit_price", "list_cost", "contracted_cost"] as const;
  const texts = ["price_status", "cost_status", "price_id", "currency", "price_unit", "unit_quantity"] as const;
  return (
    decimals.every((name) => decimalText(one[name]) === decimalText(other[name])) &&
    texts.every((name) => (one[name] ?? null) === (other[name] ?? null)) &&
    assumedText(one) === assumedText(other)
  );
}

function decimalText(value: string | null): string | null {
  return value === null ? null : amountText(parseAmount(value));
}

/** Read back from the warehouse an object is its text. */
function assumedText({ assumptions }: ComputedRow): string {
  const read: unknown = typeof assumptions === "string" ? JSON.parse(assumptions) : assumptions;
  return JSON.stringify(read ?? null);
}
