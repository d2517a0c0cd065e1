import { isUsed } from "../counts.ts";
import { one, pricePerUnit } from "../decimal.ts";
import { draw, pick } from "../draw.ts";
import catalogue from "../openai-models.json" with { type: "json" };
import type { ApiKey } from "./organization.ts";
import type { CostRow, DayRows, Dimensions, UsageRow } from "./rows.ts";
import { dailyUnits, type Place, visiblePart } from "./units.ts";

type Model = (typeof catalogue.models)[number];
type KeyPlace = Place & { readonly key: ApiKey };

/** Tokens of all five models by one key on one day, with their charges: money is tokens x price, exactly. */
export function tokenUsage(place: KeyPlace): DayRows {
  const usage: UsageRow[] = [];
  const costs: CostRow[] = [];
  for (const model of catalogue.models) {
    for (const whole of rowsOf(place, model)) {
      const row = visiblePart(whole, place);
      if (isUsed(row)) usage.push(row);
      costs.push(...chargesOf(row, model));
    }
  }
  return { usage, costs };
}

function rowsOf(place: KeyPlace, model: Model): UsageRow[] {
  const { simulation, account, day, project, key } = place;
  const [forRequests, forSize, forCache, forWrites] = draw(
    simulation.seed,
    "openai",
    account,
    day,
    project.id,
    key.id,
    model.id,
  );
  const requests = dailyUnits(place, model.daily_requests, forRequests);
  const input = (requests * BigInt(model.input_per_request) * pick(forSize, [85, 115])) / 100n;
  const output = (requests * BigInt(model.output_per_request) * pick(forSize >> 32n, [85, 115])) / 100n;
  const live = (count: bigint) => (count * BigInt(100 - model.batch_percent)) / 100n;
  const cached = (live(input) * pick(forCache, percentRange(model.cached_percent))) / 100n;
  const written = (live(input) * pick(forWrites, percentRange(model.cache_write_percent))) / 100n;
  const dimensions: Dimensions = {
    project_id: project.id,
    api_key_id: key.id,
    user_id: key.ownerId,
    model: model.id,
    service_tier: "default",
  };
  return [
    {
      endpoint: "completions",
      dimensions: { ...dimensions, batch: false },
      counts: {
        input_uncached_tokens: live(input) - cached - written,
        input_cached_tokens: cached,
        input_cache_write_tokens: written,
        output_tokens: live(output),
        num_model_requests: live(requests),
      },
    },
    {
      // A batch never reads the cache here: price lists have no cached batch rate, and reported must equal computed.
      endpoint: "completions",
      dimensions: { ...dimensions, batch: true },
      counts: {
        input_uncached_tokens: input - live(input),
        input_cached_tokens: 0n,
        input_cache_write_tokens: 0n,
        output_tokens: output - live(output),
        num_model_requests: requests - live(requests),
      },
    },
  ];
}

function chargesOf(row: UsageRow, model: Model): CostRow[] {
  const isBatch = row.dimensions.batch === true;
  const name = isBatch ? `${model.id} batch` : model.id;
  const prices = model.per_million;
  const batch = model.batch_per_million;
  const lines = [
    { suffix: "input", count: row.counts["input_uncached_tokens"], price: isBatch ? batch?.input : prices.input },
    { suffix: "cached input", count: row.counts["input_cached_tokens"], price: prices.cached_input },
    { suffix: "cache write", count: row.counts["input_cache_write_tokens"], price: prices.cache_write },
    { suffix: "output", count: row.counts["output_tokens"], price: isBatch ? batch?.output : prices.output },
  ];
  const { project_id, api_key_id } = row.dimensions;
  return lines.flatMap(({ suffix, count = 0n, price }): CostRow[] => {
    if (count === 0n) return [];
    if (typeof price !== "string") throw new Error(`${name}, ${suffix} is used but has no price in the catalogue`);
    return [
      {
        dimensions: { project_id: project_id ?? null, api_key_id: api_key_id ?? null, line_item: `${name}, ${suffix}` },
        amount: count * pricePerUnit(price),
        quantity: count * one,
        quantityUnit: "tokens",
        isListed: model.listed,
        kind: "usage",
      },
    ];
  });
}

function percentRange([low = 0, high = 0]: readonly number[]): [number, number] {
  return [low, high];
}
