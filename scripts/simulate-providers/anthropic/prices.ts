import catalogue from "../anthropic-models.json" with { type: "json" };
import { pricePerUnit } from "../decimal.ts";

export type Model = (typeof catalogue.models)[number];
/** Tier, context band and place that a part of a model's use has. */
export type Slice = Model["slices"][number];

const geoPercents = new Map(Object.entries(catalogue.geo_percent));

/** Tiers that the cost report shows; the money of the others is a commitment billed elsewhere. */
export function isBilled({ service_tier }: Slice): boolean {
  return service_tier === "standard" || service_tier === "batch";
}

/** 10^-12 USD per token: the band's list price x the place's multiplier x the batch rate. Throws when that is no integer. */
export function pricePerToken(model: Model, slice: Slice, part: keyof Model["per_million"]): bigint {
  const isLong = slice.context_window === "200k-1M";
  const list = isLong && model.long_per_million !== null ? model.long_per_million : model.per_million;
  const geoPercent = geoPercents.get(slice.inference_geo);
  if (geoPercent === undefined) throw new Error(`no multiplier for ${slice.inference_geo} in the catalogue`);
  const batchPercent = slice.service_tier === "batch" ? catalogue.batch_percent : 100;
  const scaled = pricePerUnit(list[part]) * BigInt(geoPercent) * BigInt(batchPercent);
  if (scaled % 10_000n !== 0n) throw new Error(`price of ${model.id}, ${part} has too many places`);
  return scaled / 10_000n;
}
