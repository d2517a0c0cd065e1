import { expect, it } from "vitest";
import { inEveryTimeZone } from "#shared/plans/time-zones.fixture.ts";
import { lastPlanDay, utcDay } from "./plan-days.ts";
import { dayProblems } from "./plan-terms.ts";

// prices-and-plans.md, shown done when 12
inEveryTimeZone(() => {
  it.each([
    ["2026-08-10T00:00:00.000Z", "2026-08-10", "2031-08-10"],
    ["2026-08-10T23:59:59.999Z", "2026-08-10", "2031-08-10"],
    ["2024-02-29T00:00:00.000Z", "2024-02-29", "2029-02-28"],
    ["2024-02-29T23:59:59.999Z", "2024-02-29", "2029-02-28"],
    ["2026-12-31T23:59:59.999Z", "2026-12-31", "2031-12-31"],
    ["2027-01-01T00:00:00.000Z", "2027-01-01", "2032-01-01"],
  ])("the instant %s is on %s, from which a plan may name days up to %s", (instant, today, last) => {
    expect(utcDay(new Date(instant))).toBe(today);
    expect(lastPlanDay(today)).toBe(last);
  });

  it("takes 2000-01-01 and the last day five years from today, and neither a day before nor one beyond", () => {
    const refused = (day: string): boolean => dayProblems({ start_date: day }, "2024-02-29").length > 0;

    expect(["1999-12-31", "2000-01-01", "2029-02-28", "2029-03-01"].map(refused)).toEqual([true, false, false, true]);
  });
});
