import { describe, expect, it } from "vitest";
import { dateRange } from "#shared/costs/dates.ts";

/** The fiscal year of a day, as reads take it: to date from its first day on, whole by the year of that day. */
function fiscalYearOf(today: string, fiscalStartMonth: number): [string, string, number] {
  const at = { today, fiscalStartMonth, maxDays: 1_096, byDefault: "mtd" as const };
  const { start } = dateRange({ period: "ytd" }, at);
  const year = dateRange({ fiscal_year: Number(start.slice(0, 4)) }, at);
  expect(year.start).toBe(start);
  return [year.start, year.end, year.days];
}

describe("the fiscal year of a day (organizations.md 3, Profile and locale)", () => {
  it.each<[number, string, [string, string, number]]>([
    [4, "2026-03-31", ["2025-04-01", "2026-03-31", 365]],
    [4, "2026-04-01", ["2026-04-01", "2027-03-31", 365]],
    [3, "2028-02-29", ["2027-03-01", "2028-02-29", 366]],
    [3, "2028-03-01", ["2028-03-01", "2029-02-28", 365]],
    [1, "2026-12-31", ["2026-01-01", "2026-12-31", 365]],
    [12, "2026-11-30", ["2025-12-01", "2026-11-30", 365]],
    [7, "2026-07-01", ["2026-07-01", "2027-06-30", 365]],
  ])("that starts in month %i holds %s as %j", (startMonth, day, expected) => {
    expect(fiscalYearOf(day, startMonth)).toEqual(expected);
  });
});
