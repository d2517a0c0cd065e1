import { describe, expect, it } from "vitest";
import { budgetLimits, nextBudgetAt, withLoad } from "./warehouse-budget.ts";

describe("the day's budget of a table", () => {
  const now = new Date("2026-03-05T23:55:00Z");
  const load = (isBackfill: boolean, days = 1) => ({ table: "cost_data_standard", days, isBackfill });
  const loaded = (count: number, isBackfill: boolean, days = 1) =>
    Array.from({ length: count }).reduce<ReturnType<typeof withLoad>>(
      (budget, _, at) =>
        at > 0 && budget === undefined
          ? undefined
          : withLoad(budget, load(isBackfill, days), { now, limits: budgetLimits }),
      undefined,
    );

  it.each([
    [1_000, true, 1, true],
    [1_001, true, 1, false],
    [1_400, false, 1, true],
    [1_401, false, 1, false],
    [200, true, 100, true],
    [201, true, 100, false],
    [280, false, 100, true],
    [281, false, 100, false],
  ])("takes job %i of a backfill (%s) with %i days each: %s", (count, isBackfill, days, isTaken) => {
    expect(loaded(count, isBackfill, days) !== undefined).toBe(isTaken);
  });

  it("counts tables by themselves, and begins anew ten minutes into the next day", () => {
    const full = loaded(1_400, false);

    const other = withLoad(full, { ...load(false), table: "genai_usage_daily_raw" }, { now, limits: budgetLimits });

    expect(other?.jobs).toEqual({ cost_data_standard: 1_400, genai_usage_daily_raw: 1 });
    expect(nextBudgetAt(now).toISOString()).toBe("2026-03-06T00:10:00.000Z");
  });
});
