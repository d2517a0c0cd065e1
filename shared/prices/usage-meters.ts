import { type Decimal, parseAmount } from "#shared/money/amount.ts";
import type { UsageRow } from "#shared/providers/raw-rows.ts";
import { type TokenMeter, type UnitMeter, unitMeters } from "./price.ts";
import type { PaygUsage } from "./quote-line.ts";
import { everywhere } from "./versions.ts";

type TokenColumns = Partial<Record<TokenMeter, number>>;

/**
 * A row of `genai_usage_daily_raw` as disjoint meters: parts of another modality leave the side they are part of. Undefined
 * for a meter that no price is for (seats). Source: `providers.md` 2.5, `prices-and-plans.md` A9.
 */
export function usageOfRow(row: UsageRow): PaygUsage | undefined {
  const units = unitMeters.find((meter) => meter === row.meter);
  if (row.meter !== "tokens" && units === undefined) return undefined;
  return {
    provider: row.provider,
    model: row.model,
    day: row.usage_date,
    region: regionOf(row.inference_geo),
    serviceTier: row.service_tier,
    contextWindow: row.context_window,
    speed: null,
    isCacheSplit: row.cache_split,
    tokens: row.meter === "tokens" ? decimals(tokensOf(row)) : {},
    units: units === undefined ? {} : ({ [units]: parseAmount(row.quantity) } as Partial<Record<UnitMeter, Decimal>>),
  };
}

function regionOf(geo: string | null): string {
  return geo === null || geo === "not_available" ? everywhere : geo;
}

function tokensOf(row: UsageRow): TokenColumns {
  const count = (column: number | null): number => column ?? 0;
  const audio = {
    in: count(row.audio_input_tokens),
    cached: count(row.cached_audio_tokens),
    out: count(row.audio_output_tokens),
  };
  const image = {
    in: count(row.image_input_tokens),
    cached: count(row.cached_image_tokens),
    out: count(row.image_output_tokens),
  };
  const reasoning = count(row.reasoning_output_tokens);
  return {
    input: count(row.uncached_input_tokens) - audio.in - image.in,
    cached_input: count(row.cache_read_tokens) - audio.cached - image.cached,
    cache_write_5m: count(row.cache_write_5m_tokens),
    cache_write_1h: count(row.cache_write_1h_tokens),
    output: count(row.output_tokens) - audio.out - image.out - reasoning,
    reasoning_output: reasoning,
    audio_input: audio.in,
    cached_audio_input: audio.cached,
    audio_output: audio.out,
    image_input: image.in,
    cached_image_input: image.cached,
    image_output: image.out,
  };
}

function decimals(tokens: TokenColumns): Partial<Record<TokenMeter, Decimal>> {
  return Object.fromEntries(Object.entries(tokens).map(([meter, count]) => [meter, parseAmount(String(count))]));
}
