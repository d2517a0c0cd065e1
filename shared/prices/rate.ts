import { type Decimal, parseAmount } from "#shared/money/amount.ts";
import type { Assumption } from "./assumptions.ts";
import type { PriceTier, RateName, Rates, Terms, TierRow, TokenMeter } from "./price.ts";

/** What decides which rate of a price holds. */
export interface RateContext {
  /** Whose book the price is from. */
  provider: string;
  serviceTier: string;
  /** Input of the one request, cached and cache writes included; undefined for aggregated usage. */
  requestInputTokens: Decimal | undefined;
  /** The provider's band, e.g. `200k-1M`. */
  contextWindow: string | null;
}

/** A rate per 1M tokens with what was assumed to get it. */
export interface FoundRate {
  rate: Decimal;
  assumptions: Assumption[];
}

const halfPriceBatch = new Set(["openai", "anthropic", "gemini"]);

/**
 * The price tier a service tier reads: null is standard, undefined is unpriced. `fast` reads the standard rates, times its
 * multiplier. Source: `prices-and-plans.md` A3.
 */
export function priceTierOf(serviceTier: string): PriceTier | null | undefined {
  if (serviceTier === "standard" || serviceTier === "fast") return null;
  if (serviceTier === "batch") return "batch";
  if (serviceTier === "flex" || serviceTier === "flex_discount") return "flex";
  return serviceTier === "priority" || serviceTier === "priority_on_demand" ? "priority" : undefined;
}

/** The rate of a meter; undefined is unpriced, never 0. */
export function rateOf(meter: TokenMeter, terms: Terms, context: RateContext): FoundRate | undefined {
  const tier = priceTierOf(context.serviceTier);
  if (tier === undefined) return undefined;
  // Reasoning is billed as output wherever it has no rate of its own, in every tier.
  if (meter === "reasoning_output" && terms.reasoning_output_per_1m == null) return rateOf("output", terms, context);
  const standard = chosenRow(terms, null, context);
  if (tier === null) return within(meter, standard, terms, context);
  const row = chosenRow(terms, tier, context);
  if (tier !== "batch") return row.rates === undefined ? undefined : within(meter, row, terms, context);
  const explicit = row.rates?.[rateName(meter)];
  if (explicit != null) return { rate: parseAmount(explicit), assumptions: row.assumptions };
  return batchRate(within(meter, standard, terms, context), terms, context);
}

/** Rates of a tier for this length of request. */
interface ChosenRow {
  /** Undefined where the price has no row of the tier. */
  rates: Rates | undefined;
  assumptions: Assumption[];
}

/** The whole request takes the long row when all its input exceeds the bound, else the tier's base row. */
function chosenRow(terms: Terms, tier: PriceTier | null, context: RateContext): ChosenRow {
  const rows = terms.tiers ?? [];
  const base = tier === null ? terms : rows.find((row) => row.service_tier === tier && row.above_input_tokens === null);
  const own = rows.filter((row) => row.service_tier === tier);
  const long = longRow(own, context);
  if (long === "unknown") return { rates: base, assumptions: ["context_unknown"] };
  if (long !== undefined) return { rates: long, assumptions: [] };
  if (tier === null || base === undefined) return { rates: base, assumptions: [] };
  const standardLong = longRow(
    rows.filter((row) => row.service_tier === null),
    context,
  );
  if (standardLong === "unknown") return { rates: base, assumptions: ["context_unknown"] };
  return { rates: base, assumptions: standardLong === undefined ? [] : ["long_context_rate_missing"] };
}

function longRow(rows: readonly TierRow[], context: RateContext): TierRow | "unknown" | undefined {
  const bounded = rows
    .filter((row) => row.above_input_tokens !== null)
    .sort((a, b) => (b.above_input_tokens ?? 0) - (a.above_input_tokens ?? 0));
  for (const row of bounded) {
    const isLong = exceeds(context, row.above_input_tokens ?? 0);
    if (isLong === undefined) return "unknown";
    if (isLong) return row;
  }
  return undefined;
}

/** Undefined when neither the request's size nor a band that decides is known. */
function exceeds({ requestInputTokens, contextWindow }: RateContext, bound: number): boolean | undefined {
  if (requestInputTokens !== undefined) return requestInputTokens.greaterThan(bound);
  const band = /^(\d+)([kM]?)-(\d+)([kM]?)$/.exec(contextWindow ?? "");
  if (band === null) return undefined;
  if (tokensOf(band[1], band[2]) >= bound) return true;
  return tokensOf(band[3], band[4]) <= bound ? false : undefined;
}

function tokensOf(digits = "0", unit = ""): number {
  return Number(digits) * (unit === "M" ? 1_000_000 : unit === "k" ? 1000 : 1);
}

function batchRate(standard: FoundRate | undefined, terms: Terms, { provider }: RateContext): FoundRate | undefined {
  if (standard === undefined) return undefined;
  if (terms.batch_discount_pct != null)
    return {
      rate: lessPercent(standard.rate, terms.batch_discount_pct),
      assumptions: [...standard.assumptions, "batch_discount_pct"],
    };
  if (!halfPriceBatch.has(provider)) return undefined;
  return { rate: standard.rate.times("0.5"), assumptions: [...standard.assumptions, "batch_half_price"] };
}

function within(
  meter: TokenMeter,
  { rates, assumptions }: ChosenRow,
  terms: Terms,
  context: RateContext,
): FoundRate | undefined {
  const found = rates && (stated(meter, rates) ?? substitute(meter, rates, terms, context));
  return found && { rate: found.rate, assumptions: [...assumptions, ...found.assumptions] };
}

function stated(meter: TokenMeter, rates: Rates): FoundRate | undefined {
  const rate = rates[rateName(meter)];
  return rate == null ? undefined : { rate: parseAmount(rate), assumptions: [] };
}

/** What is taken where a row does not state the rate of a meter (the table of A3). */
function substitute(meter: TokenMeter, rates: Rates, terms: Terms, context: RateContext): FoundRate | undefined {
  switch (meter) {
    case "cached_input":
      return cachedRate(stated("input", rates), terms);
    case "cached_audio_input":
      return cachedRate(stated("audio_input", rates), terms);
    case "cached_image_input":
      return cachedRate(stated("image_input", rates), terms);
    case "cache_write_5m":
      return writeRate(stated("input", rates), "1.25", "cache_write_as_input", context);
    case "cache_write_1h":
      if (context.provider === "anthropic") return writeRate(stated("input", rates), "2", "cache_write_rule", context);
      return renamed(
        stated("cache_write_5m", rates) ?? substitute("cache_write_5m", rates, terms, context),
        "cache_write_1h_as_5m",
      );
    default:
      return undefined;
  }
}

function cachedRate(input: FoundRate | undefined, { cached_discount_pct: discount }: Terms): FoundRate | undefined {
  if (input === undefined) return undefined;
  if (discount == null) return { rate: input.rate, assumptions: ["cached_input_as_input"] };
  return { rate: lessPercent(input.rate, discount), assumptions: ["cached_discount_pct"] };
}

function writeRate(
  input: FoundRate | undefined,
  factor: string,
  otherwise: Assumption,
  { provider }: RateContext,
): FoundRate | undefined {
  if (input === undefined) return undefined;
  if (provider !== "anthropic") return { rate: input.rate, assumptions: [otherwise] };
  return { rate: input.rate.times(factor), assumptions: ["cache_write_rule"] };
}

function renamed(found: FoundRate | undefined, assumption: Assumption): FoundRate | undefined {
  return found && { rate: found.rate, assumptions: [assumption] };
}

function lessPercent(rate: Decimal, percent: string): Decimal {
  return rate.times(parseAmount("100").minus(parseAmount(percent))).dividedBy(100);
}

export function rateName(meter: TokenMeter): RateName {
  return `${meter}_per_1m`;
}
