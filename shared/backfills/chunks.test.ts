import fc from "fast-check";
import { expect, it } from "vitest";
import { addDays, daysOf } from "#shared/pipelines/range.ts";
import { inEveryTimeZone } from "#shared/plans/time-zones.fixture.ts";
import { chunksOf } from "./chunks.ts";

inEveryTimeZone(() => {
  it("cuts 2025-01-15..2026-02-10 as pipelines.md 3 says: 14 calendar months, the newest first", () => {
    const chunks = chunksOf({ start: "2025-01-15", end: "2026-02-10" });

    expect(chunks).toHaveLength(14);
    expect(chunks.slice(0, 3)).toEqual([
      { start: "2026-02-01", end: "2026-02-10" },
      { start: "2026-01-01", end: "2026-01-31" },
      { start: "2025-12-01", end: "2025-12-31" },
    ]);
    expect(chunks.slice(-2)).toEqual([
      { start: "2025-02-01", end: "2025-02-28" },
      { start: "2025-01-15", end: "2025-01-31" },
    ]);
  });
});

it("covers every day of the range once, and no other", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4000 }), fc.integer({ min: 0, max: 1200 }), (from, length) => {
      const start = addDays("2020-01-01", from);
      const range = { start, end: addDays(start, length) };

      expect(chunksOf(range).reverse().flatMap(daysOf)).toEqual(daysOf(range));
    }),
  );
});
