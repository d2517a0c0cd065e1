import { amountText, type Decimal, parseAmount } from "#shared/money/amount.ts";
import type { Dissent, PriceVersion, RateName, Rates, TierRow } from "./price.ts";

/** Rates of a vendor as multiples of its input rate. Source: `prices-and-plans.md` A5. */
const vendorRules: Readonly<Record<string, Partial<Record<RateName, string>>>> = {
  anthropic: { cached_input_per_1m: "0.1", cache_write_5m_per_1m: "1.25", cache_write_1h_per_1m: "2" },
  gemini: { cached_input_per_1m: "0.1" },
};

const tolerance = parseAmount("0.01");
/** A cached rate is often rounded to two digits on the vendor's page. */
const roundedTolerance = parseAmount("0.25");

/** The version with what speaks against its rates; any doubt makes it `unverified`. Source: `prices-and-plans.md` A5. */
export function withDoubts(version: PriceVersion): PriceVersion {
  const dissent = [...version.dissent, ...ruleDoubts(version), ...orderDoubts(version)];
  return dissent.length === 0 ? version : { ...version, dissent, confidence: "unverified" };
}

function ruleDoubts({ provider, terms, asOf }: PriceVersion): Dissent[] {
  const input = terms.input_per_1m;
  if (input == null) return [];
  return Object.entries(vendorRules[provider] ?? {}).flatMap(([name, factor]) => {
    const rate = terms[name as RateName];
    if (rate == null) return [];
    const ruled = parseAmount(input).times(factor);
    const isNear = differenceOf(ruled, parseAmount(rate)).abs().lessThanOrEqualTo(roundedTolerance);
    return isNear ? [] : [doubt("vendor-rule", name, ruled, parseAmount(rate), asOf)];
  });
}

/** Cached above input, flex above standard, priority or long context below standard. */
function orderDoubts({ terms, asOf }: PriceVersion): Dissent[] {
  const found: Dissent[] = [];
  const { input_per_1m: input, cached_input_per_1m: cached } = terms;
  if (input != null && cached != null && parseAmount(cached).greaterThan(input))
    found.push(doubt("load-sanity", "cached_input_per_1m", parseAmount(input), parseAmount(cached), asOf));
  for (const row of terms.tiers ?? []) found.push(...tierDoubts(terms, row, asOf));
  return found;
}

function tierDoubts(standard: Rates, row: TierRow, asOf: string | null): Dissent[] {
  const names = ["input_per_1m", "output_per_1m"] as const;
  return names.flatMap((name) => {
    const [own, usual] = [row[name], standard[name]];
    if (own == null || usual == null) return [];
    const isCheaper = row.service_tier === "flex" || row.service_tier === "batch";
    const isOdd = isCheaper ? parseAmount(own).greaterThan(usual) : parseAmount(own).lessThan(usual);
    const tier = [row.service_tier, row.above_input_tokens].filter((part) => part !== null).join("_above_");
    return isOdd ? [doubt("load-sanity", `${tier}.${name}`, parseAmount(usual), parseAmount(own), asOf)] : [];
  });
}

/** A source's value beside the one in use. */
export function doubt(source: string, meter: string, value: Decimal, inUse: Decimal, asOf: string | null): Dissent {
  return {
    source,
    meter,
    value: amountText(value),
    in_use: amountText(inUse),
    difference_pct: amountText(differenceOf(value, inUse).times(100).toDecimalPlaces(2)),
    as_of: asOf,
  };
}

/** Of the value to the rate in use, as a share of the latter; 1 where only one of them is 0. */
export function differenceOf(value: Decimal, inUse: Decimal): Decimal {
  if (inUse.isZero()) return value.isZero() ? inUse : parseAmount("1");
  return value.minus(inUse).dividedBy(inUse);
}

export function isWithinOnePercent(one: Decimal, other: Decimal): boolean {
  return differenceOf(one, other).abs().lessThanOrEqualTo(tolerance);
}
