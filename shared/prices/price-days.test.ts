import { expect, it } from "vitest";
import { inEveryTimeZone } from "#shared/plans/time-zones.fixture.ts";
import { dayProblems, lastPriceDay } from "./price-days.ts";

// prices-and-plans.md, shown done when 12
inEveryTimeZone(() => {
  it.each([
    ["2026-08-10", "2031-08-10"],
    ["2024-02-29", "2029-02-28"],
    ["2026-12-31", "2031-12-31"],
    ["2027-01-01", "2032-01-01"],
  ])("on %s a price may name days up to %s", (today, last) => {
    expect(lastPriceDay(today)).toBe(last);
  });

  it("takes 2000-01-01 and the last day five years from today, and neither a day before nor one beyond", () => {
    const refused = (day: string): boolean => dayProblems({ effective_from: day }, "2024-02-29").length > 0;

    expect(["1999-12-31", "2000-01-01", "2029-02-28", "2029-03-01"].map(refused)).toEqual([true, false, false, true]);
  });
});
