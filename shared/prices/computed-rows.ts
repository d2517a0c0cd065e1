import { amountText, roundAmount } from "#shared/money/amount.ts";
import { type ComputedRow, computedRowId, type UsageRow } from "#shared/providers/raw-rows.ts";
import { bookOfDays } from "./day-pricing.ts";
import type { UsedBefore } from "./discounts.ts";
import type { Terms } from "./price.ts";
import type { PriceBook } from "./price-book.ts";
import { quotePayg } from "./quote.ts";
import type { QuoteLine } from "./quote-line.ts";
import { usageOfRow } from "./usage-meters.ts";

/** A line of a published day: which book priced it. */
export interface PublishedLine {
  usage_date: string;
  usage_record_id: string;
  sku_meter: string;
  price_status: string;
  price_version: string;
}

/** Which book holds for what. */
export interface BookChoice {
  /** Version of the book that new days are priced with. */
  current: string;
  /** Lines of days that are published already. */
  published: readonly PublishedLine[];
  /** What was used before a row, where prices look back. */
  before?: (row: UsageRow) => (terms: Terms) => UsedBefore;
  /** A book by its version; every version that `current` and `published` name is known. */
  book(version: string): PriceBook;
}

/**
 * Rows of `genai_computed_daily` for usage rows: one per usage row and meter with a quantity, unpriced ones without
 * amounts. A day keeps its book: a published day is priced again with the version it was priced with, and only what was
 * unpriced may take the current one. Source: `prices-and-plans.md` A1, A9.
 */
export function computedRows(usage: readonly UsageRow[], choice: BookChoice): ComputedRow[] {
  const bookOfDay = bookOfDays(choice.published);
  const bookOfLine = new Map(
    choice.published
      .filter(({ price_status }) => price_status === "priced")
      .map((line) => [lineKey(line.usage_record_id, line.sku_meter), line.price_version]),
  );
  return usage.flatMap((row) => {
    const measured = usageOfRow(row);
    if (measured === undefined) return [];
    const priced = { ...measured, before: choice.before?.(row) };
    const ofDay = bookOfDay.get(row.usage_date) ?? choice.current;
    const linesIn = memoised((version) => quotePayg(choice.book(version), priced).lines);
    return linesIn(ofDay).map((line, at) => {
      const before = bookOfLine.get(lineKey(row.x_source_record_id, line.meter));
      if (line.cost !== null && (before === undefined || before === ofDay)) return computedRow(row, line, ofDay);
      const version = before ?? choice.current;
      const later = linesIn(version)[at];
      return later === undefined || later.cost === null
        ? computedRow(row, line, ofDay)
        : computedRow(row, later, version);
    });
  });
}

/** How usage is priced anew: with one book, perhaps as if it were another model's or of another day. */
export interface Repricing {
  book: PriceBook;
  before?: (terms: Terms) => UsedBefore;
  model?: string;
  /** UTC day whose prices are asked for. */
  priceDay?: string;
}

/** Rows of `genai_computed_daily` for one usage row, every line with the given book. Source: `prices-and-plans.md` A8. */
export function repricedRows(row: UsageRow, { book, before, model, priceDay }: Repricing): ComputedRow[] {
  const measured = usageOfRow(row);
  if (measured === undefined) return [];
  const usage = { ...measured, model: model ?? measured.model, day: priceDay ?? measured.day, before };
  return quotePayg(book, usage).lines.map((line) => computedRow(row, line, book.version));
}

function lineKey(recordId: string, meter: string): string {
  return `${recordId} ${meter}`;
}

function memoised(lines: (version: string) => readonly QuoteLine[]): (version: string) => readonly QuoteLine[] {
  const known = new Map<string, readonly QuoteLine[]>();
  return (version) => {
    const found = known.get(version) ?? lines(version);
    known.set(version, found);
    return found;
  };
}

function computedRow(row: UsageRow, line: QuoteLine, version: string): ComputedRow {
  const isPriced = line.cost !== null;
  const unitPrice = (rate: QuoteLine["rate"]): string | null =>
    rate && amountText(roundAmount(rate.times(line.multiplier)));
  return {
    usage_date: row.usage_date,
    provider: row.provider,
    model: row.model,
    usage_record_id: row.x_source_record_id,
    flow: "payg",
    sku_meter: line.meter,
    service_tier: row.service_tier,
    context_window: row.context_window,
    project_id: row.project_id,
    api_key_id: row.api_key_id,
    user_ref: row.user_ref,
    quantity: amountText(line.quantity),
    unit: row.unit,
    price_unit: isPriced ? row.unit : null,
    unit_quantity: isPriced ? line.per : null,
    list_unit_price: unitPrice(line.listRate),
    contracted_unit_price: unitPrice(line.rate),
    list_cost: line.listCost && amountText(line.listCost),
    contracted_cost: line.cost && amountText(line.cost),
    currency: line.currency,
    price_status: isPriced ? "priced" : "unpriced",
    cost_status: isPriced ? (line.assumptions.length > 0 ? "estimate" : "exact") : null,
    price_id: line.priceId,
    price_version: version,
    assumptions: line.assumptions.length > 0 ? { assumed: line.assumptions } : null,
    x_source_record_id: computedRowId(row.x_source_record_id, line.meter, null),
  };
}
