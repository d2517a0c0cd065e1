import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** Zones of `organizations.md`, "Shown done" 8, with their offset on 15 January 2026 in minutes as `Date` counts it. */
const zones = [
  ["UTC", 0],
  ["America/Los_Angeles", 480],
  ["Asia/Kolkata", -330],
  ["Pacific/Apia", -780],
  ["Australia/Lord_Howe", -660],
] as const;

/** The same promises, kept by a process in each of these time zones. */
export function inEveryTimeZone(promises: () => void): void {
  describe.each(zones)("in %s", (zone, offset) => {
    const before = process.env["TZ"];
    beforeAll(() => {
      process.env["TZ"] = zone;
    });
    afterAll(() => {
      if (before === undefined) delete process.env["TZ"];
      else process.env["TZ"] = before;
    });

    it("has that zone in force", () => {
      expect(new Date("2026-01-15T00:00:00Z").getTimezoneOffset()).toBe(offset);
    });

    promises();
  });
}
