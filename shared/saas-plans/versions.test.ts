import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inEveryTimeZone } from "#shared/plans/time-zones.fixture.ts";
import { planVersion } from "./plan.fixture.ts";
import { isCharging, type PlanVersion, planStatus } from "./plan.ts";
import { addDays } from "./plan-days.ts";
import { chainOf, endedAfter, firstChangedDay, inForce, refuseFollowing, superseded } from "./versions.ts";

const stamp = { now: "2026-01-01T00:00:00.000Z", by: "key_1", today: "2026-01-01" };

// prices-and-plans.md C3; shown done when 5
describe("the status of a plan", () => {
  it.each<[string, Partial<PlanVersion>, string, string, boolean]>([
    ["begins tomorrow", { startDate: "2026-01-02" }, "2026-01-01", "pending", false],
    ["the same, a day later", { startDate: "2026-01-02" }, "2026-01-02", "active", true],
    ["its last day", { endDate: "2026-01-01" }, "2026-01-01", "active", true],
    ["the day after", { endDate: "2026-01-01" }, "2026-01-02", "expired", false],
    ["ended by hand, charging still", { endDate: "2026-02-01", endedByHand: true }, "2026-01-01", "cancelled", true],
    [
      "ended before it began",
      { startDate: "2026-03-01", endDate: "2026-02-28", endedByHand: true },
      "2026-03-05",
      "cancelled",
      false,
    ],
    ["without seats", { seats: 0 }, "2026-01-01", "active", false],
    ["withdrawn", { withdrawnAt: "2026-01-01T00:00:00.000Z" }, "2026-01-01", "active", false],
  ])("is derived from its days: %s", (_, own, today, status, charging) => {
    const version = planVersion(own);

    expect([planStatus(version, today), isCharging(version, today)]).toEqual([status, charging]);
  });
});

/** The line after each edit that its own rules take, each on a day of its own. */
function edited(offsets: readonly number[]): PlanVersion[] {
  return offsets.reduce<PlanVersion[]>(
    (line, offset, at) => {
      const effectiveDate = addDays("2025-01-01", offset);
      const old = inForce(line, effectiveDate);
      if (old === undefined || old.supersededBy !== null || effectiveDate <= old.startDate) return line;
      refuseFollowing(old, line, { effectiveDate, today: stamp.today });
      const next = planVersion({
        subscriptionId: `sub_${at}`,
        startDate: effectiveDate,
        endDate: old.endDate,
        version: at + 2,
      });
      return [...line.filter((each) => each !== old), superseded(old, next, stamp), next];
    },
    [planVersion({ endDate: "2026-12-31" })],
  );
}

inEveryTimeZone(() => {
  it("covers each day of a line once, however often it is edited", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { maxLength: 8 }), (offsets) => {
        const chain = chainOf(edited(offsets));

        // Each version begins on the day after the one before it: no day is missing, none is held twice.
        const covered = [...chain.map(({ startDate }) => startDate), "2027-01-01"];
        const ends = ["2024-12-31", ...chain.map(({ endDate }) => endDate ?? "9999-12-31")];
        expect(covered).toEqual(ends.map((day) => addDays(day, 1)));
        for (const { startDate, endDate } of chain) expect(startDate <= (endDate ?? "9999-12-31")).toBe(true);
        expect(chain.length).toBeLessThanOrEqual(offsets.length + 1);
      }),
      // 10,000 over the five zones.
      { numRuns: 2000 },
    );
  });
});

it("refuses a version that another has taken the place of, and names the one in force", () => {
  const [old, next] = edited([31]);
  if (old === undefined || next === undefined) throw new Error("an edit makes two versions");
  const asked = { effectiveDate: "2025-03-01", today: "2025-03-01" };

  expect(() => refuseFollowing(old, [old, next], asked)).toThrow(
    expect.objectContaining({ code: "PLAN_SUPERSEDED", extra: { current_id: next.subscriptionId } }),
  );
  expect(() => refuseFollowing(next, [old, next], { ...asked, effectiveDate: "2027-01-01" })).toThrow(
    expect.objectContaining({ code: "NOT_IN_FORCE" }),
  );
  expect(() => refuseFollowing(next, [old, next], { ...asked, effectiveDate: next.startDate })).toThrow(
    expect.objectContaining({ code: "INVALID_BODY" }),
  );
});

it("ends a line after a day, cancels what begins later, and changes nothing again", () => {
  const line = edited([31, 59]);

  const ended = endedAfter(line, "2025-02-10", stamp);
  const after = line.map((version) => ended.find((each) => each.subscriptionId === version.subscriptionId) ?? version);

  expect(chainOf(after).map(({ endDate }) => endDate)).toEqual(["2025-01-31", "2025-02-10"]);
  expect(ended.every(({ endedByHand }) => endedByHand)).toBe(true);
  expect(endedAfter(after, "2025-02-10", stamp)).toEqual([]);
  expect(firstChangedDay(line, after)).toBe("2025-02-11");
});

it("moves no charge where nothing that costs anything has changed", () => {
  const plan = planVersion();

  expect(firstChangedDay([plan], [{ ...plan, notes: "renewed" }])).toBeNull();
  expect(firstChangedDay([], [planVersion({ seats: 0 })])).toBeNull();
  expect(firstChangedDay([], [planVersion({ unitPrice: null })])).toBe("2025-01-01");
});
