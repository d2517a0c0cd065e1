import type { PublishedMonth } from "#shared/ledger/current-batches.ts";
import type { DateRange } from "./dates.ts";
import type { CostFilters } from "./filters.ts";
import { type Group, type Groups, groupAdder } from "./frame-groups.ts";
import type { FrameKey, MonthFrame } from "./month-frame.ts";

const groupKeys = {
  kinds: ["currency", "provider", "category", "charge_category", "simulated"],
  services: ["currency", "provider", "service", "service_category"],
  days: ["currency", "day"],
  sources: ["pipeline", "source", "provider", "category"],
  names: ["provider", "category", "service", "charge_category"],
} as const satisfies Record<string, readonly FrameKey[]>;

type GroupName = keyof typeof groupKeys;

/**
 * Everything an answer is made of, of all currencies. `kinds`, `services` and `days` hold every chosen row once. `sources`
 * and `names` say what occurs in the range whatever the filters; without filters they are empty.
 */
export type ReadGroups = { [Name in GroupName]: Group<(typeof groupKeys)[Name][number]>[] };

/** Adds month after month, so that a long range never holds all frames at once. */
export async function readGroups(
  months: readonly PublishedMonth[],
  chosen: { range: DateRange; filters: CostFilters },
  frameOf: (month: PublishedMonth) => Promise<MonthFrame>,
): Promise<ReadGroups> {
  const { start, end } = chosen.range;
  const selection = { start, end, filters: chosen.filters };
  const whole = { start, end, filters: {} };
  const isFiltered = Object.keys(chosen.filters).length > 0;
  const groups: { [Name in GroupName]: Groups<(typeof groupKeys)[Name][number]> } = {
    kinds: new Map(),
    services: new Map(),
    days: new Map(),
    sources: new Map(),
    names: new Map(),
  };
  const adders = await Promise.all([
    groupAdder(groups.kinds, selection, groupKeys.kinds),
    groupAdder(groups.services, selection, groupKeys.services),
    groupAdder(groups.days, selection, groupKeys.days),
    ...(isFiltered ? [groupAdder(groups.sources, whole, groupKeys.sources)] : []),
    ...(isFiltered ? [groupAdder(groups.names, whole, groupKeys.names)] : []),
  ]);
  for (const month of months) {
    const frame = await frameOf(month);
    await Promise.all(adders.map((add) => add(frame)));
  }
  return {
    kinds: [...groups.kinds.values()],
    services: [...groups.services.values()],
    days: [...groups.days.values()],
    sources: [...groups.sources.values()],
    names: [...groups.names.values()],
  };
}
