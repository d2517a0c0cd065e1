import { describe, expect, it } from "vitest";
import { inEveryTimeZone } from "#shared/plans/time-zones.fixture.ts";
import { checkedCron, newestDue, nominalAfter, shortestGapMinutes } from "./cron.ts";
import { nextFiring } from "./next-firing.ts";

function nominals(cron: string, timezone: string, from: string, count: number): string[] {
  const found: string[] = [];
  let at = new Date(from);
  for (let taken = 0; taken < count; taken++) {
    at = nominalAfter({ cron, timezone }, at) ?? new Date(Number.NaN);
    found.push(at.toISOString().slice(0, 16));
  }
  return found;
}

inEveryTimeZone(() => {
  it.each([
    ["30 2 * * *", "America/New_York", "2026-03-07T12:00Z", ["2026-03-08T07:00", "2026-03-09T06:30"]],
    ["30 1 * * *", "America/New_York", "2026-10-31T12:00Z", ["2026-11-01T05:30", "2026-11-02T06:30"]],
    ["15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00Z", ["2026-10-03T15:30", "2026-10-04T15:15"]],
    ["0 6 * * *", "Asia/Kolkata", "2026-03-28T12:00Z", ["2026-03-29T00:30"]],
    ["0 6 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["2026-03-29T04:00"]],
    ["0 4 29 2 *", "UTC", "2026-02-27T12:00Z", ["2028-02-29T04:00", "2032-02-29T04:00"]],
  ])("fires %s in %s when pipelines.md 12 says", (cron, zone, from, expected) => {
    expect(nominals(cron, zone, from, expected.length)).toEqual(expected);
  });

  it.each([
    // Several times of a lost hour are one firing, the others of the day stand.
    ["15,45 2 * * *", ["2026-03-08T07:00", "2026-03-09T06:15"]],
    ["30 2,14 * * *", ["2026-03-08T07:00", "2026-03-08T18:30", "2026-03-09T06:30"]],
    ["30 2 * * SUN", ["2026-03-08T07:00", "2026-03-15T06:30"]],
    ["0 * * * *", ["2026-03-08T06:00", "2026-03-08T07:00", "2026-03-08T08:00"]],
    ["30 1 * * *", ["2026-03-08T06:30", "2026-03-09T05:30"]],
  ])("loses no firing of %s in the hour that New York skips", (cron, expected) => {
    expect(nominals(cron, "America/New_York", "2026-03-08T05:00Z", expected.length)).toEqual(expected);
  });

  it("starts daily ones of twenty zones at their own hour, every day of a year once", () => {
    const zones = Intl.supportedValuesOf("timeZone").filter((_, at) => at % 21 === 0);
    for (const zone of zones) {
      const instants = nominals("30 2 * * *", zone, "2026-01-01T00:00Z", 365).map((text) => Date.parse(`${text}Z`));
      const gaps = instants.slice(1).map((instant, at) => (instant - (instants[at] ?? 0)) / 3_600_000);
      expect(Math.min(...gaps), zone).toBeGreaterThanOrEqual(22.5);
      expect(Math.max(...gaps), zone).toBeLessThanOrEqual(25.5);
    }
  }, 60_000);
});

describe("cron expressions", () => {
  it.each([
    "@daily",
    "0 0 4 * * *",
    "0 4 L * *",
    "0 4 15W * *",
    "0 4 * * 5#2",
    "0 4 ? * *",
    "60 4 * * *",
    "0 24 * * *",
    "0 4 0 * *",
    "0 4 * * 8",
    "*/0 4 * * *",
    "5-2 * * * *",
    "a b c d e",
    "0 4 * *",
    "",
    "0 4 * * LST",
    "-1 4 * * *",
  ])("refuses %j as INVALID_CRON", (cron) => {
    expect(() => checkedCron(cron)).toThrow(expect.objectContaining({ code: "INVALID_CRON" }));
  });

  it.each(["0 4 * * *", "*/15 * * * 1-5", "0 4 * JAN-MAR mon,FRI", "5,35 0-6/2 1 * 7"])("takes %j", (cron) => {
    expect(checkedCron(`  ${cron.replaceAll(" ", "  ")} `)).toBe(cron);
  });

  it("refuses what no calendar holds, and what only leap years hold not", () => {
    const gap = (cron: string): number => shortestGapMinutes(cron, new Date("2026-01-01"), 0);

    expect(() => gap("0 4 30 2 *")).toThrow(expect.objectContaining({ code: "SCHEDULE_NEVER_FIRES" }));
    expect(gap("0 4 29 2 *")).toBe(400 * 1440);
  });

  it.each([
    ["0 4 * * *", 1440],
    ["0 */6 * * *", 360],
    ["0 */5 * * *", 240],
    ["*/15 * * * *", 15],
    ["0 4 * * 1,3", 2 * 1440],
    ["50 23 * * *", 1440],
    ["0 0,23 * * *", 60],
    ["0 0,23 * * 1", 23 * 60],
    ["0 4 1 * *", 28 * 1440],
  ])("knows the shortest time between two firings of %s", (cron, minutes) => {
    expect(shortestGapMinutes(cron, new Date("2026-01-01"), 0)).toBe(minutes);
  });

  it("looks no further once two firings are too close", () => {
    const start = performance.now();

    expect(shortestGapMinutes("* * * * 1", new Date("2026-01-01"), 13.5)).toBeLessThan(13.5);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe("what is due", () => {
  const daily = { cron: "0 4 * * *", timezone: "UTC" };

  it("is the newest period, with the others counted as missed", () => {
    const due = newestDue(daily, new Date("2026-03-09T04:00Z"), new Date("2026-03-10T07:13Z"));

    expect(due).toEqual({ period: new Date("2026-03-10T04:00Z"), missed: 1 });
  });

  it("is the newest one too after a silence of a year of quarter hours", () => {
    const quarter = { cron: "*/15 * * * *", timezone: "UTC" };
    const due = newestDue(quarter, new Date("2025-03-09T04:00Z"), new Date("2026-03-10T07:13Z"));

    expect(due.period).toEqual(new Date("2026-03-10T07:00Z"));
    expect(due.missed).toBeGreaterThanOrEqual(2000);
  });

  it("comes later than its nominal instant by CRC-32 of the schedule's id, within the jitter", () => {
    const configId = "cfg_123456789";
    const at = (jitterSeconds: number) =>
      nextFiring({ ...daily, configId, jitterSeconds }, new Date("2026-03-09T05:00Z"));

    // CRC-32 of the id by an independent implementation (Python's zlib.crc32).
    expect(at(0)?.dueAt).toBe("2026-03-10T04:00:00.000Z");
    expect(at(600)).toEqual({
      nominalTime: "2026-03-10T04:00:00.000Z",
      dueAt: new Date(Date.parse("2026-03-10T04:00Z") + (1731152396 % 601) * 1000).toISOString(),
    });
  });
});
