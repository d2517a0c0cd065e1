import { type Decimal, parseAmount, zero } from "#shared/money/amount.ts";
import type { UsageRow } from "#shared/providers/raw-rows.ts";
import type { UsedBefore } from "./discounts.ts";
import type { Terms } from "./price.ts";
import type { PriceBook } from "./price-book.ts";

/** Tokens of one usage row, as volume discounts and free tiers count them. */
export type CountedTokens = Pick<
  UsageRow,
  | "usage_date"
  | "x_source_record_id"
  | "model"
  | "uncached_input_tokens"
  | "cache_read_tokens"
  | "cache_write_5m_tokens"
  | "cache_write_1h_tokens"
  | "output_tokens"
>;

export const countedColumns = [
  "usage_date",
  "x_source_record_id",
  "model",
  "uncached_input_tokens",
  "cache_read_tokens",
  "cache_write_5m_tokens",
  "cache_write_1h_tokens",
  "output_tokens",
] as const satisfies readonly (keyof CountedTokens)[];

interface Counted {
  day: string;
  id: string;
  input: number;
  output: number;
}

/**
 * From which UTC day on published usage has to be known to price these days; undefined where no price looks back. A free
 * tier that is never reset looks back to the first day of its price. Source: `prices-and-plans.md` A9.
 */
export function looksBackTo(book: PriceBook, days: readonly string[]): string | undefined {
  const [first] = [...days].sort();
  if (first === undefined) return undefined;
  const starts = book.all("payg").flatMap(({ scope, terms, effectiveFrom }) => {
    const isFree = terms.free_tier_input_tokens != null || terms.free_tier_output_tokens != null;
    if (scope === "platform" || (terms.volume_discount_pct == null && !isFree)) return [];
    const isEndless = isFree && terms.free_tier_reset_frequency === "never";
    return [isEndless && effectiveFrom < first ? effectiveFrom : `${first.slice(0, 7)}-01`];
  });
  return starts.sort()[0];
}

/**
 * Ids of prices that count what was used on earlier days, each with how long the count goes on: what changes on one day of a
 * count changes what later days of it cost. Source: `prices-and-plans.md` A9.
 */
export function countingPrices(book: PriceBook): ReadonlyMap<string, CountSpan> {
  const spans = book.all("payg").map(({ scope, priceId, terms }) => [priceId, scope, spanOf(terms)] as const);
  return new Map(
    spans.flatMap(([priceId, scope, span]): [string, CountSpan][] =>
      scope === "platform" || span === undefined ? [] : [[priceId, span]],
    ),
  );
}

/** How long what is used counts for what is used later. */
type CountSpan = "month" | "ever";

function spanOf(terms: Terms): CountSpan | undefined {
  const isFree = terms.free_tier_input_tokens != null || terms.free_tier_output_tokens != null;
  const reset = isFree ? (terms.free_tier_reset_frequency ?? "monthly") : undefined;
  if (reset === "never") return "ever";
  return terms.volume_discount_pct != null || reset === "monthly" ? "month" : undefined;
}

/**
 * Published days behind those of a run whose lines count what the run's lines use: restating the run's days does not
 * move them, repricing would. `later` are published lines of the same source.
 */
export function daysCountedOn(
  fresh: readonly CountedLine[],
  later: readonly CountedLine[],
  counting: ReadonlyMap<string, CountSpan>,
): string[] {
  const days = new Set(fresh.map(({ usage_date }) => usage_date));
  const firsts = new Map<string, string>();
  for (const { usage_date: day, model, price_id: price } of fresh) {
    const span = price === null ? undefined : counting.get(price);
    if (span === undefined) continue;
    for (const place of placesOf(model, day, span)) {
      const first = firsts.get(place);
      if (first === undefined || day < first) firsts.set(place, day);
    }
  }
  const counted = later.filter(({ usage_date: day, model, price_id: price }) => {
    const span = price === null ? undefined : counting.get(price);
    if (span === undefined || days.has(day)) return false;
    return placesOf(model, day, span).some((place) => day > (firsts.get(place) ?? day));
  });
  return [...new Set(counted.map(({ usage_date }) => usage_date))].sort();
}

/** What a priced line says of who counts it. */
export interface CountedLine {
  usage_date: string;
  model: string | null;
  price_id: string | null;
}

function placesOf(model: string | null, day: string, span: CountSpan): string[] {
  return span === "ever" ? [JSON.stringify([model])] : [JSON.stringify([model, day.slice(0, 7)])];
}

/**
 * What was used before a row: of the credential and the model, published on days that this run does not cover, and by this
 * run on its own days; rows of one day follow each other by their ids.
 */
export function usedBefore(
  usage: readonly CountedTokens[],
  published: readonly CountedTokens[],
): (row: CountedTokens, since: string) => (terms: Terms) => UsedBefore {
  const fresh = new Set(usage.map(({ usage_date }) => usage_date));
  const byModel = new Map<string | null, Counted[]>();
  for (const row of [...usage, ...published.filter(({ usage_date }) => !fresh.has(usage_date))]) {
    const counted = countedOf(row);
    const known = byModel.get(row.model);
    if (known === undefined) byModel.set(row.model, [counted]);
    else known.push(counted);
  }
  return (row, since) => (terms) => {
    const own = byModel.get(row.model) ?? [];
    const { usage_date: day, x_source_record_id: id } = row;
    const monthStart = `${day.slice(0, 7)}-01`;
    const sum = (chosen: (one: Counted) => boolean, side: (one: Counted) => number): Decimal =>
      own.filter(chosen).reduce((total, one) => total.plus(parseAmount(String(side(one)))), zero);
    const resets = { daily: day, monthly: monthStart, never: since };
    const reset = resets[terms.free_tier_reset_frequency ?? "monthly"];
    const isBefore = (one: Counted): boolean => one.day >= reset && (one.day < day || (one.day === day && one.id < id));
    return {
      monthToDateTokens: sum(
        (one) => monthStart <= one.day && one.day < day,
        ({ input, output }) => input + output,
      ),
      dayTokens: sum(
        (one) => one.day === day,
        ({ input, output }) => input + output,
      ),
      freeInput: sum(isBefore, ({ input }) => input),
      freeOutput: sum(isBefore, ({ output }) => output),
    };
  };
}

function countedOf(row: CountedTokens): Counted {
  const writes = (row.cache_write_5m_tokens ?? 0) + (row.cache_write_1h_tokens ?? 0);
  return {
    day: row.usage_date,
    id: row.x_source_record_id,
    input: (row.uncached_input_tokens ?? 0) + (row.cache_read_tokens ?? 0) + writes,
    output: row.output_tokens ?? 0,
  };
}
