import fc from "fast-check";
import { expect, it } from "vitest";
import { amountText, sumAmounts } from "#shared/money/amount.ts";
import { chargedDays } from "./amortisation.ts";
import { cycleOf } from "./cycles.ts";
import { planVersion } from "./plan.fixture.ts";
import type { PlanVersion } from "./plan.ts";
import { addDays } from "./plan-days.ts";
import { prepaidBills } from "./prepaid.ts";

const year = { pricingModel: "FLAT_FEE", seats: 1, unitPrice: "1200", billingCycle: "annual" } as const;
const far = "2040-01-01";

function bills(line: readonly PlanVersion[]): [string, string][] {
  return prepaidBills(line, "2000-01-01", far)
    .sort((a, b) => (a.day < b.day ? -1 : 1))
    .map(({ day, billed }) => [day, amountText(billed)]);
}

// prices-and-plans.md, shown done when 17
it("bills a whole cycle on its first day", () => {
  const plan = planVersion({ ...year, startDate: "2023-03-15", endDate: "2024-03-14" });

  expect(bills([plan])).toEqual([["2023-03-15", "1200"]]);
});

it("credits what was billed beyond an earlier end on the day after it", () => {
  const plan = planVersion({ ...year, startDate: "2025-01-01", endDate: "2025-06-30", plannedEndDate: null });
  const effective = amountText(sumAmounts(chargedDays(plan, "2025-01-01", far).map(({ cost }) => cost)));

  const [first, credit] = bills([plan]);

  expect(first).toEqual(["2025-01-01", "1200"]);
  expect(credit?.[0]).toBe("2025-07-01");
  expect(Number(credit?.[1])).toBeCloseTo(Number(effective) - 1200, 9);
});

it("bills days after the known end when they begin", () => {
  const plan = planVersion({ ...year, startDate: "2025-01-01", plannedEndDate: "2025-06-30", endDate: "2025-09-30" });

  expect(bills([plan]).map(([day]) => day)).toEqual(["2025-01-01", "2025-07-01"]);
});

it("bills day by day what has a cycle of at most 31 days", () => {
  expect(bills([planVersion({ endDate: "2025-12-31" })])).toEqual([]);
  expect(bills([planVersion({ billingCycle: "custom", cycleDays: 31, endDate: "2025-12-31" })])).toEqual([]);
  expect(bills([planVersion({ billingCycle: "custom", cycleDays: 32, endDate: "2025-02-01" })])).toHaveLength(1);
});

it("bills nothing for a version that ended with its cycle where the next one begins", () => {
  const first = planVersion({
    billingCycle: "quarterly",
    unitPrice: "90",
    startDate: "2025-01-01",
    endDate: "2025-03-31",
  });
  const next = planVersion({
    billingCycle: "quarterly",
    unitPrice: "0",
    startDate: "2025-04-01",
    endDate: "2025-04-01",
  });

  const billed = sumAmounts(
    prepaidBills([first, { ...next, version: 2 }], "2025-01-01", far).map((each) => each.billed),
  );

  expect(amountText(billed)).toBe(
    amountText(sumAmounts(chargedDays(first, "2000-01-01", far).map(({ cost }) => cost))),
  );
});

/** A line of two or three versions that follow each other, some ended before or after what was planned. */
const lines = fc
  .record({
    cycles: fc.array(
      fc.constantFrom("annual" as const, "quarterly" as const, "semi-annual" as const, "monthly" as const),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
    prices: fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 3, maxLength: 3 }),
    lengths: fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 3, maxLength: 3 }),
    isSameAnchor: fc.boolean(),
    plannedDays: fc.option(fc.integer({ min: 0, max: 900 })),
  })
  .map(({ cycles, prices, lengths, isSameAnchor, plannedDays }) => {
    let startDate = "2024-02-29";
    return cycles.map((billingCycle, at) => {
      const endDate = addDays(startDate, (lengths[at] ?? 1) - 1);
      const version = planVersion({
        ...{ billingCycle, startDate, endDate, unitPrice: String(prices[at]), pricingModel: "FLAT_FEE", seats: 1 },
        ...(isSameAnchor && cycles.every((each) => each === cycles[0]) ? { anchorDate: "2024-02-29" } : {}),
        plannedEndDate: plannedDays === null ? null : addDays("2024-02-29", plannedDays),
        version: at + 1,
      });
      startDate = addDays(endDate, 1);
      return version;
    });
  });

it("bills what it amortises, over the whole line and over every cycle that one rhythm has, whatever changes", () => {
  fc.assert(
    fc.property(lines, (line) => {
      const prepaid = line.filter(({ billingCycle }) => billingCycle !== "monthly");
      const effective = prepaid.flatMap((version) => chargedDays(version, "2000-01-01", far));
      const billed = prepaidBills(line, "2000-01-01", far);

      expect(amountText(sumAmounts(billed.map((each) => each.billed)))).toBe(
        amountText(sumAmounts(effective.map(({ cost }) => cost))),
      );
      const [first] = line;
      if (first === undefined || line.some(({ anchorDate }) => anchorDate !== first.anchorDate)) return;
      for (const start of new Set(billed.map(({ cycle }) => cycle.start))) {
        const { end } = cycleOf(first, start);
        const within = (day: string): boolean => day >= start && day <= end;
        expect(amountText(sumAmounts(billed.filter(({ day }) => within(day)).map((each) => each.billed)))).toBe(
          amountText(sumAmounts(effective.filter(({ day }) => within(day)).map(({ cost }) => cost))),
        );
      }
    }),
    { numRuns: 500 },
  );
});
