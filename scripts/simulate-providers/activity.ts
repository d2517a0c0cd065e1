import { parseDay } from "./days.ts";
import { pick } from "./draw.ts";

/** Denominator of `activity`. */
export const activityScale = 1_000_000_000n;

const growthEpoch = parseDay("2026-01-01");
const spikeEvery = 45;

/** Exact powers of 1003 are long numbers, and every row of a day needs the same one. */
const remembered = new Map<number, bigint>();

/**
 * How busy a UTC day is, as an integer of 10^-9, with 1 on 2026-01-01 (providers.md 5): growth 0.3 % a day,
 * Saturdays and Sundays x 0.3, every 45th day x 6. Integer arithmetic only, so every machine agrees.
 */
export function activity(day: number): bigint {
  const known = remembered.get(day);
  if (known !== undefined) return known;
  const computed = activityOf(day);
  remembered.set(day, computed);
  return computed;
}

/** Units of a whole day, rounded down: `base` x each percentage x the day's activity x 80..120 % drawn from the bits. */
export function unitsOfDay(
  { day, base, percents }: { day: number; base: number; percents: readonly bigint[] },
  bits: bigint,
): bigint {
  const share = percents.reduce((product, percent) => product * percent, 1n);
  const units = BigInt(base) * share * activity(day) * pick(bits, [80, 120]);
  return units / (100n ** BigInt(percents.length + 1) * activityScale);
}

function activityOf(day: number): bigint {
  const age = day - growthEpoch;
  const steps = BigInt(Math.abs(age));
  const grown =
    age < 0 ? (activityScale * 1000n ** steps) / 1003n ** steps : (activityScale * 1003n ** steps) / 1000n ** steps;
  const calmed = isWeekend(day) ? (grown * 3n) / 10n : grown;
  return isSpike(day) ? calmed * 6n : calmed;
}

/** Every 45th day counted from 2026-01-01: 2026-02-14, 2026-03-31, ... */
function isSpike(day: number): boolean {
  return (((day - growthEpoch + 1) % spikeEvery) + spikeEvery) % spikeEvery === 0;
}

function isWeekend(day: number): boolean {
  // 1970-01-01 was a Thursday.
  const weekday = (((day + 4) % 7) + 7) % 7;
  return weekday === 0 || weekday === 6;
}
