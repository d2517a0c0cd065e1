import { unitsOfDay } from "../activity.ts";
import catalogue from "../anthropic-models.json" with { type: "json" };
import { isUsed, visibleCounts } from "../counts.ts";
import { parseDecimal } from "../decimal.ts";
import { draw, pick } from "../draw.ts";
import type { Simulation } from "../simulation.ts";
import type { ApiKey, Workspace } from "./organization.ts";
import { isBilled, type Model, pricePerToken, type Slice } from "./prices.ts";
import { type CostRow, type DayRows, tokenTypes, type UsageRow, webSearches } from "./rows.ts";

/** Where and when something is used. */
export interface Place {
  readonly simulation: Simulation;
  readonly account: string;
  readonly day: number;
  readonly workspace: Workspace;
  readonly key: ApiKey;
}

/** Tokens and web searches of all five models by one key on one day, with their charges: money is tokens x price, exactly. */
export function tokenUsage(place: Place): DayRows {
  const usage: UsageRow[] = [];
  const costs: CostRow[] = [];
  for (const model of catalogue.models) {
    for (const { slice, row } of rowsOf(place, model)) {
      if (isUsed(row)) usage.push(row);
      costs.push(...tokenCharges(row, model, slice), ...searchCharge(row));
    }
  }
  return { usage, costs };
}

function rowsOf(place: Place, model: Model): { slice: Slice; row: UsageRow }[] {
  const { simulation, account, day, workspace, key } = place;
  const visible = simulation.visiblePercent(day);
  const owner = {
    account_id: key.isService ? null : key.ownerId,
    service_account_id: key.isService ? key.ownerId : null,
  };
  const whole = wholeDay(place, model);
  const [forSearches] = draw(simulation.seed, "anthropic", account, day, key.ownerId, model.id, "searches");
  const searches = dailyUnits(place, model.daily_web_searches, forSearches);
  return model.slices.map((slice, index) => {
    const { percent, ...dimensions } = slice;
    const tokens = Object.entries(whole).map(([name, count]) => [name, (count * BigInt(percent)) / 100n] as const);
    const counts = { ...Object.fromEntries(tokens), [webSearches]: index === 0 ? searches : 0n };
    const row = {
      dimensions: {
        workspace_id: workspace.id,
        api_key_id: key.id,
        ...owner,
        model: model.id,
        ...dimensions,
        speed: "standard",
      },
      counts: visibleCounts(counts, visible),
    };
    return { slice, row };
  });
}

/** The five token counts of a model over all its slices. */
function wholeDay(place: Place, model: Model): Record<string, bigint> {
  const { simulation, account, day, key } = place;
  const [forRequests, forSize, forReads, forWrites] = draw(
    simulation.seed,
    "anthropic",
    account,
    day,
    key.ownerId,
    model.id,
  );
  const requests = dailyUnits(place, model.daily_requests, forRequests);
  const input = (requests * BigInt(model.input_per_request) * pick(forSize, [85, 115])) / 100n;
  const share = (bits: bigint, [low = 0, high = 0]: readonly number[]) => (input * pick(bits, [low, high])) / 100n;
  const read = share(forReads, model.cache_read_percent);
  const short = share(forWrites, model.write_5m_percent);
  const long = share(forWrites >> 32n, model.write_1h_percent);
  return {
    uncached_input_tokens: input - read - short - long,
    cache_read_input_tokens: read,
    ephemeral_5m_input_tokens: short,
    ephemeral_1h_input_tokens: long,
    output_tokens: (requests * BigInt(model.output_per_request) * pick(forSize >> 32n, [85, 115])) / 100n,
  };
}

function dailyUnits({ day, workspace, key }: Place, base: number, bits: bigint): bigint {
  return unitsOfDay({ day, base, percents: [workspace.percent, key.percent] }, bits);
}

function tokenCharges(row: UsageRow, model: Model, slice: Slice): CostRow[] {
  if (!isBilled(slice)) return [];
  return tokenTypes.flatMap(({ count, name, price, label }): CostRow[] => {
    const tokens = row.counts[count] ?? 0n;
    if (tokens === 0n) return [];
    const dimensions = {
      workspace_id: row.dimensions.workspace_id ?? null,
      description: `${model.display_name} Usage - ${label}${suffixOf(slice)}`,
      cost_type: "tokens",
      model: model.id,
      token_type: name,
      service_tier: slice.service_tier,
      context_window: slice.context_window,
      // Models that cannot be placed have no geo in the cost report, while usage names it `not_available`.
      inference_geo: slice.inference_geo === "not_available" ? null : slice.inference_geo,
    };
    const amount = tokens * pricePerToken(model, slice, price);
    return [{ dimensions, amount, cause: model.listed ? null : "unpriced_model" }];
  });
}

/** Makes descriptions differ wherever prices or join keys do. */
function suffixOf({ context_window, service_tier, inference_geo }: Slice): string {
  const long = context_window === "200k-1M" ? " (200k-1M context)" : "";
  return `${long}${service_tier === "batch" ? ", Batch" : ""}${inference_geo === "us" ? ", US" : ""}`;
}

function searchCharge({ dimensions, counts }: UsageRow): CostRow[] {
  const searches = counts[webSearches] ?? 0n;
  if (searches === 0n) return [];
  const { description, unit_price } = catalogue.web_search;
  const workspace_id = dimensions.workspace_id ?? null;
  const amount = searches * parseDecimal(unit_price);
  return [{ dimensions: { workspace_id, description, cost_type: "web_search" }, amount, cause: null }];
}
