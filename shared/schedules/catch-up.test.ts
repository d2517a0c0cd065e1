import { describe, expect, it } from "vitest";
import type { Window } from "#shared/pipelines/pipeline.ts";
import { inEveryTimeZone } from "#shared/plans/time-zones.fixture.ts";
import { olderGap, scheduledRange } from "./catch-up.ts";

const window: Window = { lagDays: 1, catchUpDays: 7, settleThroughDay: 5, historyDays: 366 };
const now = new Date("2026-03-10T07:13:00Z");

inEveryTimeZone(() => {
  it("widens the days of pipelines.md 3 to the first that is missing", () => {
    expect(scheduledRange(window, now, ["2026-02-20"])).toEqual({ start: "2026-02-21", end: "2026-03-09" });
  });
});

describe("the days of a scheduled run", () => {
  it("are those of any run where nothing is missing, and where nothing was ever pulled", () => {
    const usual = { start: "2026-03-03", end: "2026-03-09" };

    expect(scheduledRange(window, now, ["2026-03-09"])).toEqual(usual);
    expect(scheduledRange(window, now, [null])).toEqual(usual);
    expect(scheduledRange(window, now, [])).toEqual(usual);
  });

  it("start at the oldest gap of several credentials", () => {
    expect(scheduledRange(window, now, ["2026-03-08", "2026-02-26", null]).start).toBe("2026-02-27");
  });

  it("reach 45 days back at most, and what is older is left to a backfill", () => {
    const range = scheduledRange(window, now, ["2025-12-24"]);

    expect(range.start).toBe("2026-01-24");
    expect(olderGap(window, now, "2025-12-24", range)).toEqual({ start: "2025-12-25", end: "2026-01-23" });
    expect(olderGap(window, now, "2026-01-23", range)).toBeUndefined();
    expect(olderGap(window, now, null, range)).toBeUndefined();
  });

  it("leave to a backfill no more than the pipeline's history", () => {
    const range = scheduledRange(window, now, ["2023-01-01"]);

    expect(olderGap(window, now, "2023-01-01", range)?.start).toBe("2025-03-09");
  });
});
