import { formatDay } from "../days.ts";
import { one } from "../decimal.ts";
import { draw, pick } from "../draw.ts";
import type { Simulation } from "../simulation.ts";

/** The one account: the bank's files are public. */
export const publicAccount = "public";

/** Units per euro around which the days' rates lie, as integers of 10^-4. */
const levels: Readonly<Record<string, number>> = {
  USD: 11_402,
  JPY: 1_684_000,
  GBP: 8_511,
  CHF: 9_352,
  CAD: 15_603,
  AUD: 17_421,
  CNY: 81_650,
  INR: 972_100,
  SEK: 111_240,
  SGD: 14_683,
};

/** Rates are published in the afternoon of the bank's working days. */
const publishedAtHourUtc = 15;
const holidays = new Set(["01-01", "05-01", "12-25", "12-26"]);

/** Rates by currency, integers of 10^-12 per euro, of a day on which the bank publishes; undefined for all others. */
export function ratesOf(simulation: Simulation, day: number): Record<string, bigint> | undefined {
  if (!isPublished(simulation, day)) return undefined;
  const corrections = simulation.adjustmentsOf("ecb", publicAccount, day);
  const rates = Object.entries(levels).map(([currency, level]): [string, bigint] => {
    const [bits] = draw(simulation.seed, "ecb", currency, formatDay(day));
    // Within half a percent of the level, with four places as the bank writes them.
    const spread = Math.floor(level / 200);
    const rate = (BigInt(level) + pick(bits, [-spread, spread])) * (one / 10_000n);
    const own = corrections.filter(({ lineItem }) => lineItem === currency);
    return [currency, own.reduce((sum, { delta }) => sum + delta, rate)];
  });
  return Object.fromEntries(rates);
}

function isPublished(simulation: Simulation, day: number): boolean {
  // 1970-01-01 was a Thursday.
  const weekday = (((day + 4) % 7) + 7) % 7;
  const date = formatDay(day);
  if (weekday === 0 || weekday === 6 || holidays.has(date.slice(5))) return false;
  const publishedAt = Date.parse(`${date}T${publishedAtHourUtc}:00:00Z`);
  return publishedAt <= simulation.now().getTime() && !isEaster(date);
}

/** Good Friday and Easter Monday. */
function isEaster(date: string): boolean {
  const sunday = Date.parse(`${easterSunday(Number(date.slice(0, 4)))}T00:00:00Z`) / 86_400_000;
  const day = Date.parse(`${date}T00:00:00Z`) / 86_400_000;
  return day === sunday - 2 || day === sunday + 1;
}

/** Easter Sunday of the Gregorian calendar, `yyyy-mm-dd` (Meeus, Jones, Butcher). */
function easterSunday(year: number): string {
  const a = year % 19;
  const b = Math.floor(year / 100);
  const c = year % 100;
  const d = (19 * a + b - Math.floor(b / 4) - Math.floor((b - Math.floor((b + 8) / 25) + 1) / 3) + 15) % 30;
  const e = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - d - (c % 4)) % 7;
  const f = d + e - 7 * Math.floor((a + 11 * d + 22 * e) / 451) + 114;
  const [month, day] = [Math.floor(f / 31), (f % 31) + 1];
  return `${year}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
}
