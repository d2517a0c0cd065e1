import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { coverageWith } from "./coverage.ts";
import { addDays, type DayRange } from "./range.ts";

const march = (from: number, to: number): DayRange => ({
  start: addDays("2026-03-01", from - 1),
  end: addDays("2026-03-01", to - 1),
});

describe("days that are covered", () => {
  it("reach as far as no day is missing", () => {
    const early = { coveredThrough: "2026-03-05" };

    expect(coverageWith({ coveredThrough: null }, march(1, 5)).coveredThrough).toBe("2026-03-05");
    expect(coverageWith(early, march(6, 9)).coveredThrough).toBe("2026-03-09");
    expect(coverageWith(early, march(2, 4)).coveredThrough).toBe("2026-03-05");
    expect(coverageWith(early, march(7, 9)).coveredThrough).toBe("2026-03-05");
  });

  it("go on behind a gap once it is filled", () => {
    const behindGap = coverageWith({ coveredThrough: "2026-03-05" }, march(20, 25));

    expect(coverageWith(behindGap, march(6, 19))).toEqual({ coveredThrough: "2026-03-25", ahead: null });
  });

  it("are all found in the end, in whatever order the chunks of a gap are filled", () => {
    const chunks = [march(6, 9), march(10, 16), march(17, 20), march(21, 24)];
    fc.assert(
      fc.property(fc.shuffledSubarray(chunks, { minLength: 4 }), (order) => {
        const twice = [...order, ...order].reduce(coverageWith, { coveredThrough: "2026-03-05" });

        expect(twice.coveredThrough).toBe("2026-03-24");
      }),
    );
  });

  it("never hold a day that was not published", () => {
    const someDays = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 9 }));
    fc.assert(
      fc.property(fc.array(someDays, { maxLength: 12 }), (runs) => {
        const ranges = runs.map(([from, length]) => march(from, from + length));
        const { coveredThrough } = ranges.reduce(coverageWith, { coveredThrough: "2026-03-05" });

        for (let day = "2026-03-06"; day <= (coveredThrough ?? ""); day = addDays(day, 1))
          expect(ranges.some(({ start, end }) => start <= day && day <= end)).toBe(true);
      }),
    );
  });
});
