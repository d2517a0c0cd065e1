import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { amountText, type Decimal, parseAmount, roundAmount, sumAmounts } from "#shared/money/amount.ts";
import { inEveryTimeZone } from "#shared/plans/time-zones.fixture.ts";
import { chargedDays, cycleCost } from "./amortisation.ts";
import { cycleOf } from "./cycles.ts";
import { planVersion, runsOf } from "./plan.fixture.ts";
import { billingCycles, cycleAlignments, type PlanVersion } from "./plan.ts";
import { addDays, daysFrom } from "./plan-days.ts";

function totalOf(versions: readonly PlanVersion[], from: string, to: string): string {
  return amountText(sumAmounts(versions.flatMap((each) => chargedDays(each, from, to)).map(({ cost }) => cost)));
}

/** Starts of the cycles from one that holds the day. */
function starts(version: PlanVersion, from: string, count: number): string[] {
  const found: string[] = [];
  let day = from;
  while (found.length < count) {
    const { start, end } = cycleOf(version, day);
    found.push(start);
    day = addDays(end, 1);
  }
  return found;
}

const flat = { pricingModel: "FLAT_FEE", seats: 1 } as const;
const monthly30 = planVersion({ ...flat, unitPrice: "30", startDate: "2026-01-31", billingAnchorDay: 31 });
const year = { ...flat, unitPrice: "1200", billingCycle: "annual" } as const;

// prices-and-plans.md C5, by number
function amortisationByNumber(): void {
  it.each<[string, PlanVersion, string, string, string, string]>([
    ["1", planVersion(), "2025-01-01", "2025-01-31", "8 x 8.064516129033 + 23 x 8.064516129032", "250"],
    [
      "2",
      planVersion({ seats: 15, startDate: "2025-02-01" }),
      "2025-02-01",
      "2025-02-28",
      "4 x 13.392857142858 + 24 x 13.392857142857",
      "375",
    ],
    [
      "4",
      planVersion({ endDate: "2025-01-10" }),
      "2025-01-01",
      "2025-03-31",
      "8 x 8.064516129033 + 2 x 8.064516129032",
      "80.645161290328",
    ],
    ["5", monthly30, "2026-01-31", "2026-02-27", "16 x 1.071428571429 + 12 x 1.071428571428", "30"],
    [
      "7",
      planVersion({ ...flat, unitPrice: "30", startDate: "2026-01-15", cycleAlignment: "calendar" }),
      "2026-01-15",
      "2026-01-31",
      "13 x 0.967741935484 + 4 x 0.967741935483",
      "16.451612903224",
    ],
    [
      "8",
      planVersion({ ...year, startDate: "2023-03-15", endDate: "2024-03-14" }),
      "2023-01-01",
      "2025-01-01",
      "60 x 3.278688524591 + 306 x 3.27868852459",
      "1200",
    ],
    [
      "11",
      planVersion({ ...year, startDate: "2023-04-01", cycleAlignment: "fiscal", fiscalYearStartMonth: 4 }),
      "2023-04-01",
      "2024-03-31",
      "60 x 3.278688524591 + 306 x 3.27868852459",
      "1200",
    ],
    [
      "12",
      planVersion({
        ...flat,
        unitPrice: "90",
        billingCycle: "quarterly",
        startDate: "2025-04-01",
        cycleAlignment: "fiscal",
        fiscalYearStartMonth: 4,
      }),
      "2025-04-01",
      "2025-06-30",
      "90 x 0.989010989011 + 0.98901098901",
      "90",
    ],
    [
      "14",
      planVersion({ ...flat, unitPrice: "9.99", billingCycle: "weekly", startDate: "2025-12-31" }),
      "2025-12-31",
      "2026-01-06",
      "6 x 1.427142857143 + 1.427142857142",
      "9.99",
    ],
    [
      "15",
      planVersion({ ...flat, unitPrice: "100", billingCycle: "custom", cycleDays: 45, startDate: "2026-01-20" }),
      "2026-01-20",
      "2026-03-05",
      "10 x 2.222222222223 + 35 x 2.222222222222",
      "100",
    ],
    [
      "16",
      planVersion({
        ...flat,
        unitPrice: "119.99",
        billingCycle: "annual",
        discountType: "percent",
        discountValue: "17",
      }),
      "2025-01-01",
      "2025-12-31",
      "270 x 0.272853972603 + 95 x 0.272853972602",
      "99.5917",
    ],
    [
      "17",
      planVersion({ unitPrice: "10", seats: 3, discountType: "fixed", discountValue: "5", startDate: "2026-04-01" }),
      "2026-04-01",
      "2026-04-30",
      "10 x 0.833333333334 + 20 x 0.833333333333",
      "25",
    ],
    [
      "18",
      planVersion({ ...flat, unitPrice: "0.01" }),
      "2025-01-01",
      "2025-01-31",
      "5 x 0.000322580646 + 26 x 0.000322580645",
      "0.01",
    ],
  ])("#%s spreads a cycle over its days", (_, plan, from, to, runs, total) => {
    expect(runsOf(plan, from, to)).toBe(runs);
    expect(totalOf([plan], from, to)).toBe(total);
  });

  it("#2 and #3 charge each version its own days, also within a cycle", () => {
    const before = planVersion({ endDate: "2025-01-31" });
    const after = planVersion({ seats: 15, startDate: "2025-02-01", anchorDate: "2025-01-01", endDate: "2025-03-31" });
    const middle = [
      planVersion({ endDate: "2025-01-15" }),
      planVersion({ seats: 15, startDate: "2025-01-16", anchorDate: "2025-01-01" }),
    ];

    expect(totalOf([before, after], "2025-01-01", "2025-12-31")).toBe("1000");
    expect(middle.map((each) => totalOf([each], "2025-01-01", "2025-01-31"))).toEqual([
      "120.967741935488",
      "193.548387096768",
    ]);
  });

  it.each([
    ["5", monthly30, "2026-01-31", ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]],
    ["6", planVersion({ startDate: "2028-01-31", billingAnchorDay: 31 }), "2028-01-31", ["2028-01-31", "2028-02-29"]],
    [
      "10",
      planVersion({ ...year, startDate: "2024-02-29" }),
      "2024-02-29",
      ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"],
    ],
    [
      "15",
      planVersion({ billingCycle: "custom", cycleDays: 45, startDate: "2026-01-20" }),
      "2026-01-20",
      ["2026-01-20", "2026-03-06"],
    ],
  ] as const)("#%s counts boundaries from one anchor, without drift", (_, plan, from, expected) => {
    expect(starts(plan, from, expected.length)).toEqual(expected);
  });

  it("#9 prorates fiscal years that the plan covers in part", () => {
    const plan = planVersion({ ...year, startDate: "2023-03-15", endDate: "2024-03-14", cycleAlignment: "fiscal" });

    expect(totalOf([plan], "2023-01-01", "2023-12-31")).toBe("959.999999999979");
    expect(totalOf([plan], "2024-01-01", "2024-12-31")).toBe("242.62295081972");
    expect(totalOf([plan], "2023-01-01", "2024-12-31")).toBe("1202.622950819699");
  });

  it("#13 spreads each half of a calendar year over its own days", () => {
    const plan = planVersion({ ...flat, unitPrice: "600", billingCycle: "semi-annual", cycleAlignment: "calendar" });

    expect(runsOf(plan, "2025-01-01", "2025-06-30")).toBe("149 x 3.314917127072 + 32 x 3.314917127071");
    expect(runsOf(plan, "2025-07-01", "2025-12-31")).toBe("72 x 3.260869565218 + 112 x 3.260869565217");
  });

  it("#19 has no rows without seats or with everything off, and no cost at an unknown price", () => {
    expect(cycleCost(planVersion({ seats: 0 }))?.cost.toString()).toBe("0");
    expect(cycleCost(planVersion({ seats: 0, pricingModel: "FLAT_FEE", unitPrice: null }))?.cost.toString()).toBe("0");
    expect(cycleCost(planVersion({ unitPrice: null, seats: 3 }))).toBeUndefined();
    expect(runsOf(planVersion({ discountType: "percent", discountValue: "100" }), "2025-01-01", "2025-12-31")).toBe("");
  });
}

const day = fc.integer({ min: 0, max: 9000 }).map((count) => addDays("2015-01-01", count));
const plans = fc
  .record({
    startDate: day,
    billingCycle: fc.constantFrom(...billingCycles),
    cycleDays: fc.integer({ min: 1, max: 1096 }),
    cycleAlignment: fc.constantFrom(...cycleAlignments),
    billingAnchorDay: fc.option(fc.integer({ min: 1, max: 31 })),
    fiscalYearStartMonth: fc.integer({ min: 1, max: 12 }),
    pricingModel: fc.constantFrom("PER_SEAT" as const, "FLAT_FEE" as const),
    unitPrice: fc.bigInt({ min: 0n, max: 10n ** 15n }).map((units) => amountText(parseAmount(`${units}e-6`))),
    seats: fc.integer({ min: 0, max: 1_000_000 }),
    discountType: fc.constantFrom("percent" as const, "fixed" as const, null),
    discount: fc.integer({ min: 1, max: 10_000 }).map((hundredth) => parseAmount(`${hundredth}e-2`)),
  })
  .map(({ discount, discountType, ...own }) => {
    const list = cycleCost(planVersion(own))?.list ?? parseAmount("0");
    const value = discountType === "fixed" ? roundAmount(list.times(discount).dividedBy(100)) : discount;
    const isDiscounted = discountType !== null && value.greaterThan(0);
    return planVersion({
      ...own,
      discountType: isDiscounted ? discountType : null,
      discountValue: isDiscounted ? amountText(value) : null,
    });
  });

inEveryTimeZone(() => {
  describe("the amortisation of a plan", amortisationByNumber);

  it("adds up to the cost of the cycle exactly, no day off its even share by 1e-12, whatever the plan", () => {
    fc.assert(
      fc.property(plans, (plan) => {
        // Every cycle after the first is covered whole.
        const { start, end, days } = cycleOf(plan, addDays(cycleOf(plan, plan.startDate).end, 1));
        const whole = cycleCost(plan)?.cost ?? parseAmount("0");

        const counts = new Map<Decimal, number>();
        for (const { cost } of chargedDays(plan, start, end)) counts.set(cost, (counts.get(cost) ?? 0) + 1);

        expect(amountText(sumAmounts([...counts].map(([cost, count]) => cost.times(count))))).toBe(amountText(whole));
        const even = whole.dividedBy(days);
        for (const cost of counts.keys()) expect(cost.minus(even).abs().lessThan("0.000000000001")).toBe(true);
      }),
      // 10,000 over the five zones.
      { numRuns: 2000 },
    );
  }, 120_000);

  it("has cycles that follow each other without gap and hold their days, whatever the rhythm", () => {
    fc.assert(
      fc.property(plans, day, (plan, asked) => {
        const cycle = cycleOf(plan, asked);

        const next = cycleOf(plan, addDays(cycle.end, 1));

        expect(cycle.start <= asked && asked <= cycle.end && cycle.days === daysFrom(cycle.start, cycle.end) + 1).toBe(
          true,
        );
        expect(next.start).toBe(addDays(cycle.end, 1));
        expect(cycleOf(plan, cycle.start)).toEqual(cycle);
        expect(cycleOf(plan, cycle.end)).toEqual(cycle);
      }),
      { numRuns: 200 },
    );
  });
});
