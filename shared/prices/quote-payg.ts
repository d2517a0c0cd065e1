import { amountText, parseAmount, sumAmounts, zero } from "#shared/money/amount.ts";
import { inForceRow } from "./price-answer.ts";
import type { PriceBook } from "./price-book.ts";
import { matchAnswer } from "./prices-read.ts";
import { quotePayg } from "./quote.ts";
import { type QuoteAnswer, textOf } from "./quote-answer.ts";
import type { QuoteLine } from "./quote-line.ts";
import { type Asked, decimalsOf } from "./quote-request.ts";

/** The price of tokens and units, line by line; sums cover the lines that have a price, `complete` says whether all do. */
export function paygQuote(book: PriceBook, asked: Asked): QuoteAnswer {
  const { request, provider, model, day, region } = asked;
  const tokens = decimalsOf(request.tokens);
  const before = {
    monthToDateTokens: request.mtd_tokens === undefined ? zero : parseAmount(String(request.mtd_tokens)),
    dayTokens: sumAmounts(Object.values(tokens)),
    freeInput: zero,
    freeOutput: zero,
  };
  const { price, lines } = quotePayg(book, {
    provider,
    model,
    day,
    region,
    serviceTier: request.service_tier ?? "standard",
    contextWindow: request.context_window ?? null,
    speed: request.speed ?? null,
    ...(request.request_input_tokens == null
      ? {}
      : { requestInputTokens: parseAmount(String(request.request_input_tokens)) }),
    tokens,
    units: decimalsOf(request.units),
    before: () => before,
  });
  const assumptions = [...new Set(lines.flatMap((line) => line.assumptions))];
  const isPriced = lines.some(({ cost }) => cost !== null);
  const shown = {
    org: asked.org,
    observed: asked.observed,
    today: day,
    others: book.all("payg", price?.match.provider ?? provider),
  };
  return {
    flow: "payg",
    provider,
    day,
    currency: lines.find(({ currency }) => currency !== null)?.currency ?? price?.row.currency ?? null,
    list_cost: isPriced ? sumOf(lines, "listCost") : null,
    contracted_cost: isPriced ? sumOf(lines, "cost") : null,
    status: isPriced ? (assumptions.length > 0 ? "estimate" : "exact") : "unpriced",
    complete: lines.every(({ cost }) => cost !== null),
    lines: lines.map(lineAnswer),
    price: price === undefined ? null : inForceRow(price, shown),
    match: matchAnswer(price?.match),
    assumptions,
    price_book_version: book.version,
  };
}

function sumOf(lines: readonly QuoteLine[], column: "cost" | "listCost"): string {
  return amountText(sumAmounts(lines.flatMap((line) => line[column] ?? [])));
}

function lineAnswer(line: QuoteLine): QuoteAnswer["lines"][number] {
  return {
    meter: line.meter,
    quantity: amountText(line.quantity),
    unit_quantity: line.per,
    rate: textOf(line.rate),
    list_rate: textOf(line.listRate),
    multiplier: amountText(line.multiplier),
    cost: textOf(line.cost),
    list_cost: textOf(line.listCost),
    price_status: line.cost === null ? "unpriced" : "priced",
  };
}
