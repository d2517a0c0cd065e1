import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { amountText, parseAmount, sumAmounts } from "#shared/money/amount.ts";
import { costsByDimension, marginOf, ratioPercent, type UnitDay, unitCost, unitPeriods } from "./unit-costs.ts";

const day = (at: number, cost: string, values?: Record<string, string>): UnitDay => ({
  day: new Date(Date.UTC(2026, 2, at)).toISOString().slice(0, 10),
  cost: parseAmount(cost),
  values: values && Object.entries(values).map(([value, quantity]) => ({ value, quantity: parseAmount(quantity) })),
  isComplete: true,
});
const text = (amount: ReturnType<typeof parseAmount> | null) => (amount === null ? null : amountText(amount));

describe("golden vectors of hierarchy.md 3", () => {
  it("#1: a ratio of sums; no units and no value are null with their reason, cost 0 with units is 0", () => {
    const days = [day(1, "100", { "": "10" }), day(2, "200", { "": "0" }), day(3, "0", { "": "5" }), day(4, "50")];

    const series = unitPeriods(days, { granularity: "day", aggregation: "sum" });
    const whole = unitCost(days, "sum");

    expect(series.map((each) => [text(each.unitCost), each.reason, each.isComplete])).toEqual([
      ["10", null, true],
      [null, "no_units", true],
      ["0", null, true],
      [null, "no_metric", false],
    ]);
    expect([text(whole.cost), text(whole.units), text(whole.unitCost), whole.isComplete]).toEqual([
      ...["350", "15", "23.333333333333"],
      false,
    ]);
  });

  it("#2: 12 decimals", () => {
    expect(text(unitCost([day(1, "1234.56", { "": "789" })], "sum").unitCost)).toBe("1.564714828897");
  });

  it("#3: each day over its own values, ties to the smallest; a day without values is nobody's", () => {
    const { values, unallocated } = costsByDimension([day(1, "10", { c: "1", b: "1", a: "1" }), day(2, "5")], "sum");

    expect(values.map(({ value, cost }) => [value, text(cost)])).toEqual([
      ["a", "3.333333333334"],
      ["b", "3.333333333333"],
      ["c", "3.333333333333"],
    ]);
    expect(text(unallocated)).toBe("5");
    expect(text(sumAmounts([...values.map(({ cost }) => cost), unallocated]))).toBe("15");
  });

  it("#4: average divides by the days that have a value; last takes the last such day", () => {
    const users = [day(1, "11", { "": "100" }), day(2, "11", { "": "110" }), day(3, "11", { "": "120" }), day(4, "0")];

    expect(text(unitCost(users, "average").unitCost)).toBe("0.3");
    expect(text(unitCost(users, "last").units)).toBe("120");
  });

  it("#5: money gives ratio and margin", () => {
    const revenue = unitCost([day(1, "250", { "": "1000" })], "sum");

    expect([ratioPercent(revenue), text(marginOf(revenue)), text(revenue.unitCost)]).toEqual([25, "750", "0.25"]);
  });
});

it("cost may be negative", () => {
  expect(text(unitCost([day(1, "-3", { "": "2" })], "sum").unitCost)).toBe("-1.5");
});

it("money of a day without a rate makes no ratio at all", () => {
  const days = [day(1, "3", { "": "2" }), { ...day(2, "1"), lacksRate: true }];

  expect(unitCost(days, "sum")).toMatchObject({ unitCost: null, reason: "no_rate", isComplete: false });
});

it("weeks begin on Monday, week 53 and the leap day included; months at their first; edges are as long as the range", () => {
  const on = (date: string): UnitDay => ({ ...day(1, "1", { "": "1" }), day: date });
  const days = ["2026-12-27", "2026-12-28", "2027-01-03", "2027-01-04", "2028-02-28", "2028-02-29", "2028-03-01"].map(
    on,
  );

  const weeks = unitPeriods(days, { granularity: "week", aggregation: "sum" });
  const months = unitPeriods(days, { granularity: "month", aggregation: "sum" });

  expect(weeks.map(({ start, end }) => [start, end])).toEqual([
    ["2026-12-27", "2026-12-27"],
    ["2026-12-28", "2027-01-03"],
    ["2027-01-04", "2027-01-04"],
    ["2028-02-28", "2028-03-01"],
  ]);
  expect(months.map(({ start, cost }) => [start, text(cost)])).toEqual([
    ["2026-12-27", "2"],
    ["2027-01-03", "2"],
    ["2028-02-28", "2"],
    ["2028-03-01", "1"],
  ]);
});

it("dimension values and nobody's sum to the cost to the last decimal, whatever the amounts and quantities", () => {
  const units = fc.bigInt({ min: -(10n ** 26n), max: 10n ** 26n }).map((each) => parseAmount(`${each}e-12`));
  const quantity = fc.bigInt({ min: 0n, max: 10n ** 30n }).map((each) => parseAmount(`${each}e-12`));
  const values = fc.option(
    fc.uniqueArray(fc.record({ value: fc.constantFrom("a", "b", "c", "UNALLOCATED"), quantity }), {
      selector: ({ value }) => value,
    }),
    { nil: undefined },
  );
  fc.assert(
    fc.property(fc.array(fc.record({ cost: units, values }), { maxLength: 10 }), (rows) => {
      const days = rows.map(({ cost, values: own }, at): UnitDay => ({ ...day(at + 1, "0"), cost, values: own }));

      const found = costsByDimension(days, "sum");

      const sum = sumAmounts([...found.values.map(({ cost }) => cost), found.unallocated]);
      expect(text(sum)).toBe(text(sumAmounts(rows.map(({ cost }) => cost))));
    }),
    { numRuns: 300 },
  );
});
