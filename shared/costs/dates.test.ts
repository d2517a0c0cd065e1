import { afterEach, describe, expect, it } from "vitest";
import { AppError } from "#shared/runtime/errors.ts";
import {
  addDays,
  type DateContext,
  type DateRequest,
  dateRange,
  daysBetween,
  monthsBetween,
  type PeriodName,
} from "./dates.ts";

const at: DateContext = { today: "2028-02-29", fiscalStartMonth: 4, maxDays: 1_096, byDefault: "mtd" };

/** costs.md section 3, T = 2028-02-29, m = 4. */
const vectors: [PeriodName, string, string][] = [
  ["today", "2028-02-29", "2028-02-29"],
  ["yesterday", "2028-02-28", "2028-02-28"],
  ["last_7_days", "2028-02-23", "2028-02-29"],
  ["last_30_days", "2028-01-31", "2028-02-29"],
  ["last_90_days", "2027-12-02", "2028-02-29"],
  ["mtd", "2028-02-01", "2028-02-29"],
  ["last_month", "2028-01-01", "2028-01-31"],
  ["qtd", "2028-01-01", "2028-02-29"],
  ["last_quarter", "2027-10-01", "2027-12-31"],
  ["ytd", "2027-04-01", "2028-02-29"],
  ["last_year", "2026-04-01", "2027-03-31"],
];

function failure(request: DateRequest, context: Partial<DateContext> = {}): { code: string; paths: string[] } {
  try {
    const range = dateRange(request, { ...at, ...context });
    return { code: `none: ${range.start} .. ${range.end}`, paths: [] };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { code: error.code, paths: error.fields.map(({ path }) => path) };
  }
}

describe("named periods", () => {
  it.each(vectors)("%s runs from %s to %s", (period, start, end) => {
    expect(dateRange({ period }, at)).toMatchObject({ start, end, label: period });
  });

  it("takes the default period when no range is named", () => {
    expect(dateRange({}, at)).toEqual({ start: "2028-02-01", end: "2028-02-29", days: 29, label: "mtd" });
  });

  const todays = ["2028-02-29", "2027-02-28", "2026-03-31", "2026-12-31", "2027-01-01"];
  const fiscalMonths = Array.from({ length: 12 }, (_, month) => month + 1);

  it.each(todays)("fiscal quarters and years hold for every start month on %s", (today) => {
    for (const fiscalStartMonth of fiscalMonths) {
      const of = (period: PeriodName) => {
        const { start, end } = dateRange({ period }, { ...at, today, fiscalStartMonth });
        return [start, end];
      };
      const year = lastStart(today, [fiscalStartMonth]);
      const quarterMonths = [0, 3, 6, 9].map((months) => ((fiscalStartMonth - 1 + months) % 12) + 1);
      const quarter = lastStart(today, quarterMonths);

      expect(of("ytd")).toEqual([year, today]);
      expect(of("last_year")).toEqual([lastStart(addDays(year, -1), [fiscalStartMonth]), addDays(year, -1)]);
      expect(of("qtd")).toEqual([quarter, today]);
      expect(of("last_quarter")).toEqual([lastStart(addDays(quarter, -1), quarterMonths), addDays(quarter, -1)]);
    }
  });

  /** Walks back, day by day, to the first of one of the months: another way to the same table. */
  function lastStart(today: string, months: number[]): string {
    const day = new Date(`${today}T12:00:00Z`);
    while (day.getUTCDate() !== 1 || !months.includes(day.getUTCMonth() + 1)) day.setUTCDate(day.getUTCDate() - 1);
    return day.toISOString().slice(0, 10);
  }
});

describe("other ranges", () => {
  it("takes both dates, a start alone up to today, and an end in the future", () => {
    expect(dateRange({ start_date: "2028-02-28", end_date: "2028-03-02" }, at)).toMatchObject({
      start: "2028-02-28",
      end: "2028-03-02",
      days: 4,
      label: "custom",
    });
    expect(dateRange({ start_date: "2028-02-28" }, at)).toMatchObject({ end: "2028-02-29", days: 2 });
    expect(dateRange({ period: "custom", start_date: "2028-02-01", end_date: "2028-02-02" }, at)).toMatchObject({
      days: 2,
    });
  });

  it("takes the last days, today included, and a whole fiscal year by the year of its first day", () => {
    expect(dateRange({ days: 1 }, at)).toMatchObject({ start: "2028-02-29", end: "2028-02-29" });
    expect(dateRange({ days: 31 }, at)).toMatchObject({
      start: "2028-01-30",
      end: "2028-02-29",
      label: "last_31_days",
    });
    expect(dateRange({ fiscal_year: 2027 }, at)).toMatchObject({ start: "2027-04-01", end: "2028-03-31", days: 366 });
    expect(dateRange({ fiscal_year: 2027 }, { ...at, fiscalStartMonth: 1 })).toMatchObject({
      start: "2027-01-01",
      end: "2027-12-31",
    });
  });

  it("takes 1,096 days and refuses one more", () => {
    expect(dateRange({ start_date: addDays(at.today, -1_095) }, at).days).toBe(1_096);
    expect(failure({ start_date: addDays(at.today, -1_096) })).toEqual({
      code: "RANGE_TOO_LONG",
      paths: ["/start_date"],
    });
  });
});

describe("refused dates", () => {
  it.each([
    "2026-02-29",
    "2026-2-1",
    "20260201",
    "0000-01-01",
    "1999-12-31",
    "2101-01-01",
    "2026-13-01",
    "2026-00-10",
    "2026-04-31",
    "",
    " 2026-01-01",
    "2026-01-01T00:00:00Z",
    "٢٠٢٦-01-01",
  ])("%j is not a day", (day) => {
    expect(failure({ start_date: day })).toEqual({ code: "INVALID_DATE", paths: ["/start_date"] });
    expect(failure({ start_date: day, end_date: day })).toEqual({
      code: "INVALID_DATE",
      paths: ["/start_date", "/end_date"],
    });
  });

  const dates = { start_date: "2028-02-01", end_date: "2028-02-02" };

  it.each<[string, DateRequest, string[]]>([
    ["an end alone", { end_date: "2028-02-01" }, ["/end_date"]],
    ["a start after the end", { start_date: "2028-02-02", end_date: "2028-02-01" }, ["/start_date"]],
    ["a start in the future", { start_date: "2028-03-01", end_date: "2028-03-02" }, ["/start_date"]],
    ["a start in the future alone", { start_date: "2028-03-01" }, ["/start_date"]],
    ["a fiscal year in the future", { fiscal_year: 2028 }, ["/start_date"]],
    ["dates and a period", { ...dates, period: "mtd" }, ["/start_date", "/period"]],
    ["a period and days", { period: "mtd", days: 7 }, ["/period", "/days"]],
    ["a fiscal year and days", { fiscal_year: 2027, days: 7 }, ["/fiscal_year", "/days"]],
    ["an end alone and days", { end_date: "2028-02-01", days: 7 }, ["/end_date", "/days"]],
    ["custom without dates", { period: "custom" }, ["/period"]],
    ["custom with one date", { period: "custom", start_date: "2028-02-01" }, ["/period"]],
    ["custom with dates and days", { period: "custom", ...dates, days: 3 }, ["/start_date", "/days"]],
  ])("refuses %s", (_, request, paths) => {
    expect(failure(request)).toEqual({ code: "INVALID_DATE_RANGE", paths });
  });
});

describe("time zone of the process", () => {
  const zone = process.env["TZ"];

  afterEach(() => {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  });

  it.each(["America/Los_Angeles", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe"])(
    "%s changes no day",
    (name) => {
      process.env["TZ"] = name;
      expect(new Date("2011-12-30T12:00:00Z").getTimezoneOffset()).not.toBe(0);

      for (const [period, start, end] of vectors) expect(dateRange({ period }, at)).toMatchObject({ start, end });
      // Apia had no 30 December 2011, Lord Howe moves its clock by half an hour.
      expect(daysBetween("2011-12-29", "2011-12-31")).toEqual(["2011-12-29", "2011-12-30", "2011-12-31"]);
      expect(daysBetween("2026-01-01", "2026-12-31")).toHaveLength(365);
      expect(monthsBetween("2025-12-31", "2026-02-01")).toEqual(["2025-12", "2026-01", "2026-02"]);
    },
  );
});
