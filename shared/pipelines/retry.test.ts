import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inEveryTimeZone } from "#shared/plans/time-zones.fixture.ts";
import { retryWaitSeconds } from "./retry.ts";

/** The largest value below 1. */
const almostOne = 1 - Number.EPSILON / 2;
const waits = (attempts: number, retryAfterSeconds?: number): [number, number] => {
  const wait = (random: number) => retryWaitSeconds({ backoff_seconds: 30 }, attempts, { retryAfterSeconds, random });
  return [wait(0), Math.round(wait(almostOne))];
};

inEveryTimeZone(() => {
  describe("the wait before a step is tried again (pipelines.md 7.5)", () => {
    it.each([
      ["the first of three attempts failed", 1, undefined, [15, 30]],
      ["the second failed", 2, undefined, [30, 60]],
      ["the provider asked for longer", 1, 120, [120, 180]],
      ["the provider asked for less", 1, 5, [15, 30]],
      ["many have failed", 10, undefined, [1800, 3600]],
    ])("is between the golden bounds where %s", (_when, attempts, retryAfterSeconds, bounds) => {
      expect(waits(attempts, retryAfterSeconds)).toEqual(bounds);
    });
  });
});

it("never wakes a run before the provider allows it, and never all of them in one second", () => {
  const asked = fc.record({
    attempts: fc.integer({ min: 1, max: 10 }),
    retryAfterSeconds: fc.integer({ min: 60, max: 21_600 }),
    random: fc.double({ min: 0, max: almostOne, noNaN: true }),
  });

  fc.assert(
    fc.property(asked, ({ attempts, retryAfterSeconds, random }) => {
      const wait = retryWaitSeconds({ backoff_seconds: 30 }, attempts, { retryAfterSeconds, random });
      expect(wait).toBeGreaterThanOrEqual(retryAfterSeconds);
      expect(wait).toBeLessThanOrEqual(Math.max(1.5 * retryAfterSeconds, 3600));
    }),
  );
});
