import { describe, expect, it } from "vitest";
import { inEveryTimeZone } from "#shared/plans/time-zones.fixture.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { daysOf, rangeOf } from "./range.ts";

const window = (lagDays: number, catchUpDays: number, settleThroughDay: number) => ({
  lagDays,
  catchUpDays,
  settleThroughDay,
  historyDays: 3660,
});

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return isAppError(error) ? error.code : "not an AppError";
  }
}

inEveryTimeZone(() => {
  describe("which days a run covers (pipelines.md 3)", () => {
    it.each([
      ["2026-03-03T00:00:00Z", window(1, 7, 5), "2026-02-01", "2026-03-02", 30],
      ["2026-03-05T23:59:59Z", window(1, 7, 5), "2026-02-01", "2026-03-04", 32],
      ["2026-03-06T12:00:00Z", window(1, 7, 5), "2026-02-27", "2026-03-05", 7],
      ["2028-03-01T00:00:00Z", window(1, 7, 5), "2028-02-01", "2028-02-29", 29],
      ["2026-01-01T00:00:00Z", window(1, 7, 5), "2025-12-01", "2025-12-31", 31],
      ["2026-03-15T00:00:00Z", window(1, 10, 15), "2026-02-01", "2026-03-14", 42],
    ])("at %s without dates", (now, its, start, end, count) => {
      const range = rangeOf({}, its, new Date(now));

      expect(range).toEqual({ start, end });
      expect(daysOf(range)).toHaveLength(count);
    });

    it("takes one day, a range, and a start up to the newest complete day", () => {
      const now = new Date("2026-03-10T10:00:00Z");

      expect(rangeOf({ date: "2026-03-10" }, window(1, 7, 5), now)).toEqual({ start: "2026-03-10", end: "2026-03-10" });
      expect(rangeOf({ start_date: "2026-02-10", end_date: "2026-03-01" }, window(1, 7, 5), now)).toEqual({
        start: "2026-02-10",
        end: "2026-03-01",
      });
      expect(rangeOf({ start_date: "2026-03-01" }, window(1, 7, 5), now)).toEqual({
        start: "2026-03-01",
        end: "2026-03-09",
      });
    });

    it.each([
      [{ date: "2026-02-29" }, "INVALID_DATE"],
      [{ date: "2026-3-1" }, "INVALID_DATE"],
      [{ date: "0000-00-00" }, "INVALID_DATE"],
      [{ start_date: "2026-03-02", end_date: "2026-03-01" }, "INVALID_DATE_RANGE"],
      [{ date: "2026-03-11" }, "DATE_IN_FUTURE"],
      [{ end_date: "2026-03-01" }, "INVALID_BODY"],
      [{ date: "2026-03-01", start_date: "2026-03-01" }, "INVALID_BODY"],
      [{ start_date: "2026-01-01", end_date: "2026-03-01" }, "RANGE_TOO_LONG"],
      [{ date: "2001-01-01" }, "BEFORE_HISTORY"],
    ])("refuses %j with %s", (asked, code) => {
      expect(codeOf(() => rangeOf(asked, window(1, 7, 5), new Date("2026-03-10T10:00:00Z")))).toBe(code);
    });
  });
});
