import type { PublishedMonth } from "#shared/ledger/current-batches.ts";
import type { DateRange } from "./dates.ts";
import type { CostFilters } from "./filters.ts";
import { type Group, type Groups, groupAdder } from "./frame-groups.ts";
import type { FrameKey, MonthFrame } from "./month-frame.ts";

const groupKeys = {
  kinds: ["converted", "provider", "category", "charge_category", "simulated"],
  services: ["converted", "provider", "service", "service_category"],
  days: ["converted", "day"],
  natives: ["currency", "day", "fx"],
  sources: ["pipeline", "source", "provider", "category"],
  names: ["provider", "category", "service", "charge_category"],
} as const satisfies Record<string, readonly FrameKey[]>;

type GroupName = keyof typeof groupKeys;

/**
 * Everything an answer is made of. `kinds`, `services` and `days` hold every chosen row once, in the answer's currency;
 * `natives` hold them once more in their own. `sources` and `names` say what occurs in the range whatever the filters;
 * without filters they are empty.
 */
export type ReadGroups = { [Name in GroupName]: Group<(typeof groupKeys)[Name][number]>[] };

/** Adds month after month, so that a long range never holds all frames at once. */
export async function readGroups(
  months: readonly PublishedMonth[],
  chosen: { range: DateRange; filters: CostFilters; entities?: readonly string[] | undefined },
  frameOf: (month: PublishedMonth) => Promise<MonthFrame>,
): Promise<ReadGroups> {
  const { start, end } = chosen.range;
  const selection = { start, end, filters: chosen.filters, entities: chosen.entities };
  const whole = { start, end, filters: {} };
  const isFiltered = Object.keys(chosen.filters).length > 0 || chosen.entities !== undefined;
  const groups: { [Name in GroupName]: Groups<(typeof groupKeys)[Name][number]> } = {
    kinds: new Map(),
    services: new Map(),
    days: new Map(),
    natives: new Map(),
    sources: new Map(),
    names: new Map(),
  };
  const adders = await Promise.all([
    groupAdder(groups.kinds, selection, { keys: groupKeys.kinds }),
    groupAdder(groups.services, selection, { keys: groupKeys.services }),
    groupAdder(groups.days, selection, { keys: groupKeys.days }),
    groupAdder(groups.natives, selection, { keys: groupKeys.natives, isNative: true }),
    ...(isFiltered ? [groupAdder(groups.sources, whole, { keys: groupKeys.sources })] : []),
    ...(isFiltered ? [groupAdder(groups.names, whole, { keys: groupKeys.names })] : []),
  ]);
  for (const month of months) {
    const frame = await frameOf(month);
    await Promise.all(adders.map((add) => add(frame)));
  }
  return {
    kinds: [...groups.kinds.values()],
    services: [...groups.services.values()],
    days: [...groups.days.values()],
    natives: [...groups.natives.values()],
    sources: [...groups.sources.values()],
    names: [...groups.names.values()],
  };
}
