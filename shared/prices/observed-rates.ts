import type { OrgIdentity } from "#shared/access/caller.ts";
import type { BilledSku } from "#shared/costs/billed-skus.ts";
import { type Decimal, parseAmount, roundAmount } from "#shared/money/amount.ts";
import { type ObservedPorts, observedSkus } from "./observed-skus.ts";
import { bookOf } from "./org-prices.ts";
import type { Dissent, TokenMeter } from "./price.ts";
import type { PriceBook } from "./price-book.ts";
import { doubt, isWithinOnePercent } from "./price-sanity.ts";
import { quotePayg } from "./quote.ts";
import { rateName } from "./rate.ts";
import { everywhere } from "./versions.ts";

/** What an organization's own bills say against prices, by the id of the version whose rate is in use. */
export type ObservedDissent = ReadonlyMap<string, readonly Dissent[]>;

/** A month in which less of a SKU was used says too little of its rate. Source: `prices-and-plans.md` A5. */
const fewestUnits = parseAmount("1000000");
const million = parseAmount("1000000");

const meters: Readonly<Record<string, TokenMeter>> = {
  uncached_input: "input",
  cache_read: "cached_input",
  cache_write_5m: "cache_write_5m",
  cache_write_1h: "cache_write_1h",
  output: "output",
};

/** A book as answers show it, with what the organization's own bills say against it. No other organization sees that. */
export async function shownBook(
  org: OrgIdentity,
  ports: ObservedPorts,
  version?: string,
): Promise<{ book: PriceBook; observed: ObservedDissent }> {
  const [book, skus] = await Promise.all([bookOf(org, ports, version), observedSkus(org, ports)]);
  return { book, observed: observedDissent(book, skus) };
}

/**
 * The observed rates that are more than 1 % off the rate in use: what was billed for a SKU in a month through its
 * quantity, of at least 1,000,000 tokens, the newest such month of each SKU (`skus` come newest month first). A month in
 * which the rate in use changed says nothing of either rate.
 */
function observedDissent(book: PriceBook, skus: readonly BilledSku[]): ObservedDissent {
  const newest = new Map<string, { priceId: string; dissent: Dissent | undefined }>();
  for (const sku of skus.filter(({ quantity }) => quantity.greaterThanOrEqualTo(fewestUnits))) {
    const inUse = rateInUse(book, sku);
    if (inUse === undefined) continue;
    const key = JSON.stringify([inUse.priceId, sku.sku, inUse.meter]);
    if (!newest.has(key)) newest.set(key, { priceId: inUse.priceId, dissent: dissentOf(sku, inUse) });
  }
  const byPrice = new Map<string, Dissent[]>();
  for (const { priceId, dissent } of newest.values())
    if (dissent !== undefined) byPrice.set(priceId, [...(byPrice.get(priceId) ?? []), dissent].sort(byMeter));
  return byPrice;
}

interface RateInUse {
  priceId: string;
  meter: string;
  rate: Decimal;
}

/** What the book asks for the SKU from its first to its last charge; undefined where it asks nothing, or two rates. */
function rateInUse(book: PriceBook, sku: BilledSku): RateInUse | undefined {
  const meter = meters[sku.tokenType];
  if (meter === undefined) return undefined;
  const [first, last] = [sku.first, sku.last].map((day) => lineOn(book, { sku, meter, day }));
  if (first === undefined || last === undefined) return undefined;
  const isOne = first.priceId === last.priceId && first.rate.equals(last.rate);
  return isOne ? { ...last, meter: meterText(meter, sku) } : undefined;
}

function lineOn(
  book: PriceBook,
  { sku, meter, day }: { sku: BilledSku; meter: TokenMeter; day: string },
): { priceId: string; rate: Decimal } | undefined {
  const { provider, model, serviceTier, contextWindow, region } = sku;
  const { price, lines } = quotePayg(book, {
    ...{ provider, model, day, contextWindow, speed: null, units: {} },
    region: region ?? everywhere,
    serviceTier: serviceTier ?? "standard",
    tokens: { [meter]: million },
  });
  const [line] = lines;
  if (price === undefined || price.isInherited || line?.rate == null || line.priceId === null) return undefined;
  return line.currency === sku.currency ? { priceId: line.priceId, rate: line.rate.times(line.multiplier) } : undefined;
}

/** The rate's name, behind what makes it another rate than that of standard requests. */
function meterText(meter: TokenMeter, { serviceTier, contextWindow, region }: BilledSku): string {
  const tier = serviceTier === "standard" ? null : serviceTier;
  return [tier, contextWindow, region, rateName(meter)].filter((part) => part !== null).join(".");
}

function dissentOf(sku: BilledSku, { meter, rate }: RateInUse): Dissent | undefined {
  const value = roundAmount(sku.billed.times(million).dividedBy(sku.quantity));
  return isWithinOnePercent(value, rate) ? undefined : doubt(`observed:${sku.sku}`, meter, value, rate, sku.last);
}

function byMeter(a: Dissent, b: Dissent): number {
  return JSON.stringify([a.meter, a.source]) < JSON.stringify([b.meter, b.source]) ? -1 : 1;
}
