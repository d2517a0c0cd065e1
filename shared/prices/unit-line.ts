import { type Decimal, parseAmount, roundAmount } from "#shared/money/amount.ts";
import type { Assumption } from "./assumptions.ts";
import type { PriceInForce } from "./look-up.ts";
import type { UnitMeter, UnitPrice } from "./price.ts";
import type { PriceBook } from "./price-book.ts";
import { type PaygUsage, type QuoteLine, unpricedLine } from "./quote-line.ts";

/** A meter that counts something else than tokens: the model's own unit price, else the provider-wide one, else unpriced. */
export function unitLine(
  book: PriceBook,
  usage: PaygUsage,
  price: PriceInForce | undefined,
  { meter, quantity }: { meter: UnitMeter; quantity: Decimal },
): QuoteLine {
  const own = price?.terms.per_unit?.[meter];
  if (price !== undefined && own !== undefined) {
    const list = price.list.terms.per_unit?.[meter] ?? own;
    const { row } = price;
    return pricedLine(meter, quantity, {
      unit: own,
      list,
      currency: row.currency,
      priceId: (price.override ?? row).priceId,
      asOf: row.scope === "platform" ? row.asOf : null,
      usage,
      isInherited: price.isInherited,
    });
  }
  const wide = book
    .unitPrices(usage.provider, meter)
    .filter(({ effectiveFrom }) => effectiveFrom <= usage.day)
    .sort((a, b) => (a.effectiveFrom < b.effectiveFrom ? 1 : -1))[0];
  if (wide === undefined) return unpricedLine(meter, quantity, 1);
  const { currency, priceId, asOf } = wide;
  return pricedLine(meter, quantity, { unit: wide, list: wide, currency, priceId, asOf, usage, isInherited: false });
}

interface UnitPricing {
  unit: UnitPrice;
  list: UnitPrice;
  currency: string;
  priceId: string;
  asOf: string | null;
  usage: PaygUsage;
  isInherited: boolean;
}

function pricedLine(meter: UnitMeter, quantity: Decimal, pricing: UnitPricing): QuoteLine {
  const { unit, list, asOf, usage } = pricing;
  const assumptions: Assumption[] = [];
  if (pricing.isInherited) assumptions.push("inherited_book");
  if (asOf !== null && usage.day < asOf) assumptions.push("price_not_verified_for_day");
  const costAt = ({ per, price }: UnitPrice): Decimal => roundAmount(quantity.times(parseAmount(price)).dividedBy(per));
  return {
    meter,
    quantity,
    per: unit.per,
    rate: parseAmount(unit.price),
    listRate: parseAmount(list.price),
    multiplier: parseAmount("1"),
    listCost: costAt(list),
    cost: costAt(unit),
    currency: pricing.currency,
    priceId: pricing.priceId,
    assumptions,
  };
}
