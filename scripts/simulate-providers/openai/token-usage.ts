import { activity, activityScale } from "../activity.ts";
import { one, pricePerUnit } from "../decimal.ts";
import { draw, pick } from "../draw.ts";
import catalogue from "../openai-models.json" with { type: "json" };
import type { Simulation } from "../simulation.ts";
import type { ApiKey, Project } from "./organization.ts";
import type { CostRow, DayRows, Dimensions, UsageRow } from "./rows.ts";

type Model = (typeof catalogue.models)[number];

/** Where and when something is used. */
export interface Place {
  readonly simulation: Simulation;
  readonly account: string;
  readonly day: number;
  readonly project: Project;
  /** Undefined for what belongs to a project as a whole. */
  readonly key: ApiKey | undefined;
}

/** Tokens of all five models by one key on one day with their charges; money is tokens x price, exactly. */
export function tokenUsage(place: Place & { key: ApiKey }): DayRows {
  const usage: UsageRow[] = [];
  const costs: CostRow[] = [];
  for (const model of catalogue.models) {
    for (const row of rowsOf(place, model)) {
      usage.push(row);
      costs.push(...chargesOf(row, model));
    }
  }
  return { usage, costs };
}

/** Units of a day: the catalogue's number x project x key x day's activity x 80..120 % by the bits x what is visible, rounded down. */
export function dailyUnits(place: Place, base: number, bits: bigint): bigint {
  const { simulation, day, project, key } = place;
  const whole = BigInt(base) * project.percent * (key?.percent ?? 100n) * activity(day) * pick(bits, [80, 120]);
  return (whole / (100n * 100n * activityScale * 100n)) * simulation.visiblePercent(day) / 100n;
}

function rowsOf(place: Place & { key: ApiKey }, model: Model): UsageRow[] {
  const { simulation, account, day, project, key } = place;
  const [forRequests, forSize, forCache, forWrites] = draw(simulation.seed, "openai", account, day, project.id, key.id, model.id);
  const requests = wholeDayUnits(place, model.daily_requests, forRequests);
  const input = (requests * BigInt(model.input_per_request) * pick(forSize, [85, 115])) / 100n;
  const output = (requests * BigInt(model.output_per_request) * pick(forSize >> 32n, [85, 115])) / 100n;
  const batch = BigInt(model.batch_percent);
  const live = 100n - batch;
  const liveInput = (input * live) / 100n;
  const cached = (liveInput * pick(forCache, range(model.cached_percent))) / 100n;
  const written = (liveInput * pick(forWrites, range(model.cache_write_percent))) / 100n;
  const dimensions: Dimensions = {
    project_id: project.id,
    api_key_id: key.id,
    user_id: key.ownerId,
    model: model.id,
    service_tier: "default",
  };
  const rows: UsageRow[] = [
    {
      endpoint: "completions",
      dimensions: { ...dimensions, batch: false },
      counts: {
        input_uncached_tokens: liveInput - cached - written,
        input_cached_tokens: cached,
        input_cache_write_tokens: written,
        output_tokens: (output * live) / 100n,
        num_model_requests: (requests * live) / 100n,
      },
    },
    {
      // A batch never reads the cache here, because there is no list price for that.
      endpoint: "completions",
      dimensions: { ...dimensions, batch: true },
      counts: {
        input_uncached_tokens: input - liveInput,
        input_cached_tokens: 0n,
        input_cache_write_tokens: 0n,
        output_tokens: output - (output * live) / 100n,
        num_model_requests: requests - (requests * live) / 100n,
      },
    },
  ];
  return rows.map((row) => visiblePart(row, simulation.visiblePercent(day))).filter(isUsed);
}
