import { IANAZone } from "luxon";

const minuteMilliseconds = 60_000;

/** What the clocks of the zone show at an instant, as if it were UTC. */
export function wallTime(instant: Date, zone: string): Date {
  return new Date(instant.getTime() + offsetMilliseconds(instant.getTime(), zone));
}

/**
 * The first instant after the gap that a wall time (given as if it were UTC) falls into when the zone's clocks are put
 * forward; undefined for a time that its clocks do show.
 */
export function gapEnd(wall: Date, zone: string): Date | undefined {
  const before = offsetMilliseconds(wall.getTime() - 86_400_000, zone);
  const after = offsetMilliseconds(wall.getTime() + 86_400_000, zone);
  if (after <= before) return undefined;
  // With the offset of the day before it is shown at the latest, with that of the day after at the earliest.
  let earliest = wall.getTime() - after;
  let latest = wall.getTime() - before;
  const isShown = offsetMilliseconds(earliest, zone) === after || offsetMilliseconds(latest, zone) === before;
  if (isShown) return undefined;
  while (latest - earliest > minuteMilliseconds) {
    const middle = earliest + Math.floor((latest - earliest) / 2 / minuteMilliseconds) * minuteMilliseconds;
    if (offsetMilliseconds(middle, zone) === after) latest = middle;
    else earliest = middle;
  }
  return new Date(latest);
}

function offsetMilliseconds(milliseconds: number, zone: string): number {
  return IANAZone.create(zone).offset(milliseconds) * minuteMilliseconds;
}
