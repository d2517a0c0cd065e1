import { type Decimal, parseAmount, roundAmount, sumAmounts, zero } from "#shared/money/amount.ts";
import type { Assumption } from "./assumptions.ts";
import { paidQuantity, type UsedBefore, volumeShare } from "./discounts.ts";
import { type PriceInForce, priceInForce } from "./look-up.ts";
import type { TokenMeter } from "./price.ts";
import type { PriceBook } from "./price-book.ts";
import { type PaygUsage, type QuoteLine, unpricedLine } from "./quote-line.ts";
import { type RateContext, rateOf } from "./rate.ts";
import { unitLine } from "./unit-line.ts";

export interface Quote {
  price: PriceInForce | undefined;
  lines: QuoteLine[];
}

const million = parseAmount("1000000");
const one = parseAmount("1");
const inputMeters = new Set<TokenMeter>([
  "input",
  "cached_input",
  "cache_write_5m",
  "cache_write_1h",
  "audio_input",
  "cached_audio_input",
  "image_input",
  "cached_image_input",
]);

/**
 * Prices usage by the book: one line per meter with a quantity. A meter without a price is a line without amounts. The
 * one function behind the quote endpoint and the processors. Source: `prices-and-plans.md` A9.
 */
export function quotePayg(book: PriceBook, usage: PaygUsage): Quote {
  const { provider, model, day, region } = usage;
  const price = model === null ? undefined : priceInForce(book, { flow: "payg", provider, model, day, region });
  const before = price === undefined ? nothingBefore(usage) : (usage.before?.(price.terms) ?? nothingBefore(usage));
  const free = { input: before.freeInput, output: before.freeOutput };
  const tokenLines = entriesOf(usage.tokens).map(([meter, quantity]) => {
    const direction = inputMeters.has(meter) ? "input" : "output";
    const line = tokenLine({ book, usage, price, before }, meter, quantity, free[direction]);
    free[direction] = free[direction].plus(quantity);
    return line;
  });
  const unitLines = entriesOf(usage.units).map(([meter, quantity]) =>
    unitLine(book, usage, price, { meter, quantity }),
  );
  return { price, lines: [...tokenLines, ...unitLines] };
}

/** Meters with a quantity, in the order of their names' declaration. */
function entriesOf<M extends string>(quantities: Partial<Record<M, Decimal>>): [M, Decimal][] {
  return (Object.entries(quantities) as [M, Decimal | undefined][]).filter(
    (entry): entry is [M, Decimal] => entry[1] !== undefined && !entry[1].isZero(),
  );
}

interface Pricing {
  book: PriceBook;
  usage: PaygUsage;
  price: PriceInForce | undefined;
  before: UsedBefore;
}

function tokenLine(
  { book, usage, price, before }: Pricing,
  meter: TokenMeter,
  quantity: Decimal,
  freeBefore: Decimal,
): QuoteLine {
  const multiplier = multiplierOf(book, usage, price);
  const context = price && contextOf(usage, price);
  const found = price && context && rateOf(meter, price.terms, context);
  if (price === undefined || context === undefined || found === undefined || multiplier === undefined)
    return unpricedLine(meter, quantity, 1_000_000);
  const listed = rateOf(meter, price.list.terms, context)?.rate ?? found.rate;
  const { terms } = price;
  const free = inputMeters.has(meter) ? terms.free_tier_input_tokens : terms.free_tier_output_tokens;
  const paid = paidQuantity(quantity, freeBefore, free);
  const [numerator, denominator] = volumeShare(terms, before);
  const cost = paid.times(found.rate).times(multiplier).times(numerator).dividedBy(denominator.times(million));
  return {
    meter,
    quantity,
    per: 1_000_000,
    rate: found.rate,
    listRate: listed,
    multiplier,
    listCost: roundAmount(quantity.times(listed).times(multiplier).dividedBy(million)),
    cost: roundAmount(cost),
    currency: price.row.currency,
    priceId: (price.override ?? price.row).priceId,
    assumptions: [...new Set([...found.assumptions, ...assumedOf(usage, price, meter)])],
  };
}

function contextOf({ serviceTier, requestInputTokens, contextWindow }: PaygUsage, price: PriceInForce): RateContext {
  return { provider: price.match.provider, serviceTier, requestInputTokens, contextWindow };
}

function assumedOf(usage: PaygUsage, price: PriceInForce, meter: TokenMeter): Assumption[] {
  const { row, isInherited } = price;
  return [
    ...(isInherited ? (["inherited_book"] as const) : []),
    ...(row.scope === "platform" && row.asOf !== null && usage.day < row.asOf
      ? (["price_not_verified_for_day"] as const)
      : []),
    ...(usage.isCacheSplit === false && inputMeters.has(meter) ? (["cache_split_unknown"] as const) : []),
  ];
}

/** Undefined where the usage was fast and nobody knows by how much that costs more. */
function multiplierOf(book: PriceBook, usage: PaygUsage, price: PriceInForce | undefined): Decimal | undefined {
  if (price === undefined) return one;
  const known = book
    .multipliers(price.match.provider, price.match.modelId)
    .filter(({ effectiveFrom }) => effectiveFrom <= usage.day);
  const factor = (dimension: string, value: string): string | undefined =>
    known
      .filter((each) => each.dimension === dimension && each.value === value)
      .sort((a, b) => (a.effectiveFrom < b.effectiveFrom ? 1 : -1))[0]?.factor;
  const speed = usage.serviceTier === "fast" ? "fast" : usage.speed;
  const speedFactor = speed === null || speed === "standard" ? "1" : factor("speed", speed);
  // A row of the very region has the region's price in it.
  const regionFactor = price.row.region === usage.region ? "1" : (factor("region", usage.region) ?? "1");
  return speedFactor === undefined ? undefined : parseAmount(speedFactor).times(regionFactor);
}

function nothingBefore({ tokens }: PaygUsage): UsedBefore {
  const dayTokens = sumAmounts(Object.values(tokens));
  return { monthToDateTokens: zero, dayTokens, freeInput: zero, freeOutput: zero };
}
