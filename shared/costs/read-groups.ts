import type { PublishedMonth } from "#shared/ledger/current-batches.ts";
import type { DateRange } from "./dates.ts";
import type { CostFilters } from "./filters.ts";
import { addedGroups, type Group, monthGroups } from "./frame-groups.ts";
import type { FrameKey } from "./month-frame.ts";
import { type MonthSource, ofEachMonth } from "./month-source.ts";

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

/** Of each month one frame is asked for, at most, and let go before the next one. */
export async function readGroups(
  months: readonly PublishedMonth[],
  chosen: { range: DateRange; filters: CostFilters; entities?: readonly string[] | undefined },
  monthOf: (month: PublishedMonth) => MonthSource,
): Promise<ReadGroups> {
  const { start, end } = chosen.range;
  const selection = { start, end, filters: chosen.filters, entities: chosen.entities };
  const whole = { start, end, filters: {} };
  const isFiltered = Object.keys(chosen.filters).length > 0 || chosen.entities !== undefined;
  const parts = await ofEachMonth(months, (month) => {
    const source = monthOf(month);
    return Promise.all([
      monthGroups(source, selection, { keys: groupKeys.kinds }),
      monthGroups(source, selection, { keys: groupKeys.services }),
      monthGroups(source, selection, { keys: groupKeys.days }),
      monthGroups(source, selection, { keys: groupKeys.natives, isNative: true }),
      isFiltered ? monthGroups(source, whole, { keys: groupKeys.sources }) : [],
      isFiltered ? monthGroups(source, whole, { keys: groupKeys.names }) : [],
    ]);
  });
  return {
    kinds: addedGroups(parts.map(([kinds]) => kinds)),
    services: addedGroups(parts.map(([, services]) => services)),
    days: addedGroups(parts.map(([, , days]) => days)),
    natives: addedGroups(parts.map(([, , , natives]) => natives)),
    sources: addedGroups(parts.map(([, , , , sources]) => sources)),
    names: addedGroups(parts.map(([, , , , , names]) => names)),
  };
}
