import { amountText, type Decimal, parseAmount } from "#shared/money/amount.ts";
import { type ModelMatch, matchModel } from "./model-match.ts";
import { type Flow, type PriceVersion, type Rates, rateNames, type Terms, type TierRow } from "./price.ts";
import type { PriceBook } from "./price-book.ts";
import { isOfRegion, versionsOn } from "./versions.ts";

export interface LookUp {
  flow: Flow;
  provider: string;
  /** As the usage names it; of infrastructure the instance type. */
  model: string;
  /** UTC day. */
  day: string;
  region: string;
}

/** The price of one key on one day. */
export interface PriceInForce {
  match: ModelMatch;
  /** The organization's own row, else the platform's. */
  row: PriceVersion;
  override: PriceVersion | undefined;
  /** The row with the override laid over it. */
  terms: Terms;
  /** The platform's row where there is one in the same currency, else the row itself: what list cost means. */
  list: PriceVersion;
  isInherited: boolean;
}

/**
 * The price in force: organization before platform, the exact region before everywhere, the latest start; then the
 * organization's override over it. Undefined: unpriced. Source: `prices-and-plans.md` A3.
 */
export function priceInForce(book: PriceBook, asked: LookUp): PriceInForce | undefined {
  const match = matchModel(book, asked);
  if (match === undefined) return undefined;
  const { flow, day, region } = asked;
  const candidates = versionsOn(
    book.versions(flow, match.provider, match.modelId).filter((price) => isOfRegion(price, region)),
    day,
  );
  const first = (isWanted: (price: PriceVersion) => boolean): PriceVersion | undefined =>
    candidates.filter(isWanted).sort(byNearness(region))[0];
  const platform = first(({ scope }) => scope === "platform");
  const row = first(({ kind }) => kind === "custom") ?? platform;
  if (row === undefined) return undefined;
  const override = first(({ kind }) => kind === "override");
  return {
    match,
    row,
    override,
    terms: override === undefined ? row.terms : overridden(row.terms, override.terms),
    list: platform?.currency === row.currency ? platform : row,
    isInherited: match.provider !== asked.provider,
  };
}

function byNearness(region: string): (a: PriceVersion, b: PriceVersion) => number {
  return (a, b) =>
    Number(b.region === region) - Number(a.region === region) || (a.effectiveFrom < b.effectiveFrom ? 1 : -1);
}

/** The patch's discount on every rate that follows the row; its own rates stand as given. */
function overridden(terms: Terms, patch: Terms): Terms {
  const { discount_pct: discount, ...own } = patch;
  const factor = discount == null ? undefined : parseAmount("100").minus(parseAmount(discount)).dividedBy(100);
  const followed = factor === undefined ? terms : discounted(terms, factor);
  const set = Object.entries(own).filter(([, value]) => value !== null && value !== undefined);
  return { ...followed, ...Object.fromEntries(set) };
}

function discounted(terms: Terms, factor: Decimal): Terms {
  const times = (text: string): string => amountText(parseAmount(text).times(factor));
  const rates = <T extends Rates>(of: T): T => ({
    ...of,
    ...Object.fromEntries(
      rateNames.flatMap((name) => {
        const rate = of[name];
        return rate == null ? [] : [[name, times(rate)]];
      }),
    ),
  });
  const perUnit = Object.entries(terms.per_unit ?? {}).map(([meter, { per, price }]) => [
    meter,
    { per, price: times(price) },
  ]);
  return {
    ...rates(terms),
    ...(terms.tiers === undefined ? {} : { tiers: terms.tiers.map((row): TierRow => rates(row)) }),
    ...(terms.per_unit === undefined ? {} : { per_unit: Object.fromEntries(perUnit) }),
    ...(terms.hourly_rate == null ? {} : { hourly_rate: times(terms.hourly_rate) }),
    ...(terms.monthly_rate == null ? {} : { monthly_rate: times(terms.monthly_rate) }),
  };
}
