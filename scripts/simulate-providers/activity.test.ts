import { describe, expect, test } from "vitest";
import { activity, activityScale } from "./activity.ts";
import { parseDay } from "./days.ts";

describe("how busy a day is, rounded down (providers.md 5)", () => {
  test.each([
    ["2026-01-01", 1_000_000_000n],
    ["2026-01-02", 1_003_000_000n],
    ["2026-01-03", (1_006_009_000n * 3n) / 10n],
    ["2026-01-05", 1_012_054_108n],
    ["2025-12-31", 997_008_973n * 6n],
    ["2025-12-30", 994_026_892n],
  ])("%s", (day, expected) => {
    expect(activity(parseDay(day))).toBe(expected);
  });

  test("every 45th day is six times as busy, also before 2026 and through a leap year", () => {
    const days = Array.from({ length: 1200 }, (_, index) => parseDay("2025-06-01") + index);
    const spikes = days.filter((day) => {
      // Three weeks away it is the same weekday, so only growth (1.003^21 < 1.07) and a spike can tell the days apart.
      return activity(day) > 5n * activity(day - 21) || activity(day) > 5n * activity(day + 21);
    });

    expect(spikes.length).toBeGreaterThan(25);
    expect(spikes).toContain(parseDay("2026-02-14"));
    for (const day of spikes) expect(Math.abs(day - parseDay("2026-02-14")) % 45).toBe(0);
    expect(activity(parseDay("2026-03-31"))).toBeGreaterThan(6n * activityScale);
  });
});
