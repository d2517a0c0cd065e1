import { isUsed } from "../counts.ts";
import { one, parseDecimal } from "../decimal.ts";
import { draw } from "../draw.ts";
import catalogue from "../openai-models.json" with { type: "json" };
import type { CostRow, DayRows, UsageRow } from "./rows.ts";
import { dailyUnits, type Place, visiblePart } from "./units.ts";

type Meter = (typeof catalogue.meters)[number];

/** Everything but tokens of language models - searches, sessions, images, ... - at one place, with its charges. */
export function meterUsage(place: Place): DayRows {
  const owner = place.key === undefined ? "project" : "key";
  const meters = catalogue.meters.filter(
    (meter) => meter.owner === owner && (meter.scenario === "default" || meter.scenario === place.simulation.scenario),
  );
  const usage = meters.map((meter) => ({ meter, row: visiblePart(usageOf(place, meter), place) }));
  const used = usage.filter(({ row }) => isUsed(row));
  return { usage: used.map(({ row }) => row), costs: used.flatMap(({ meter, row }) => chargesOf(place, meter, row)) };
}

function usageOf(place: Place, meter: Meter): UsageRow {
  const { simulation, account, day, project, key } = place;
  const [bits] = draw(simulation.seed, "openai", account, day, project.id, key?.id ?? "", meter.endpoint);
  const counts = Object.entries(meter.daily).map(([name, base]) => [name, dailyUnits(place, base, bits)] as const);
  return {
    endpoint: meter.endpoint,
    dimensions: {
      project_id: project.id,
      api_key_id: key?.id ?? null,
      user_id: key?.ownerId ?? null,
      ...meter.dimensions,
    },
    counts: Object.fromEntries(counts),
  };
}

function chargesOf({ project, key }: Place, { charge }: Meter, row: UsageRow): CostRow[] {
  const count = charge === null ? 0n : (row.counts[charge.count] ?? 0n);
  if (charge === null || count === 0n) return [];
  return [
    {
      dimensions: { project_id: project.id, api_key_id: key?.id ?? null, line_item: charge.line_item },
      amount: count * parseDecimal(charge.unit_price),
      quantity: charge.quantity_unit === null ? null : (count * one) / BigInt(charge.quantity_per),
      quantityUnit: charge.quantity_unit,
      isListed: charge.listed,
      kind: "usage",
    },
  ];
}
