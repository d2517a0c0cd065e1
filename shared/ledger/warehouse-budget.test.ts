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

  // pipelines.md, shown done 19
  it.each([
    ["jobs", 1],
    ["changes of partitions", 45],
  ])("lets 400 runs and a backfill of 36 months meet no refusal for %s, and takes all within a week", (_what, days) => {
    const warehouse = { jobs: 1_500, modifications: 30_000 };
    // Every load of a run is tried four times: failed jobs count too.
    const runs = Array.from({ length: 400 * 4 }, () => load(false, days));
    const months = Array.from({ length: 36 * 31 }, () => load(true, days));
    let waiting = Array.from({ length: Math.max(runs.length, months.length) }, (_, at) => [runs[at], months[at]])
      .flat()
      .filter((one) => one !== undefined);
    const firstParked: boolean[] = [];
    let dayNumber = 0;
    for (; waiting.length > 0 && dayNumber < 7; dayNumber++) {
      let budget: ReturnType<typeof withLoad>;
      let taken = { jobs: 0, modifications: 0 };
      waiting = waiting.filter((one) => {
        const next = withLoad(budget, one, { now, limits: budgetLimits });
        if (next === undefined) {
          firstParked[dayNumber] ??= one.isBackfill;
          return true;
        }
        budget = next;
        taken = { jobs: taken.jobs + 1, modifications: taken.modifications + one.days };
        return false;
      });
      expect(taken.jobs).toBeLessThanOrEqual(warehouse.jobs);
      expect(taken.modifications).toBeLessThanOrEqual(warehouse.modifications);
    }

    expect(waiting).toEqual([]);
    expect(dayNumber).toBeGreaterThan(1);
    expect(firstParked[0]).toBe(true);
  });

  it("counts tables by themselves, and begins anew ten minutes into the next day", () => {
    const full = loaded(1_400, false);

    const other = withLoad(full, { ...load(false), table: "genai_usage_daily_raw" }, { now, limits: budgetLimits });

    expect(other?.jobs).toEqual({ cost_data_standard: 1_400, genai_usage_daily_raw: 1 });
    expect(nextBudgetAt(now).toISOString()).toBe("2026-03-06T00:10:00.000Z");
  });
});
