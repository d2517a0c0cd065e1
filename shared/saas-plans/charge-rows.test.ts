import fc from "fast-check";
import { expect, it } from "vitest";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import { isLineageColumn } from "#shared/lineage/lineage.ts";
import { amountText, parseAmount, sumAmounts } from "#shared/money/amount.ts";
import { configFile } from "#shared/platform/config-files.ts";
import { focusFaults } from "#shared/providers/fixtures/focus-faults.ts";
import type { Row } from "#shared/providers/provider.ts";
import { chargeRows } from "./charge-rows.ts";
import { planVersion } from "./plan.fixture.ts";
import { addDays } from "./plan-days.ts";
import { saasProvider } from "./plan-providers.ts";
import { seedPlans } from "./seed-plans.ts";

const always = { from: "2020-01-01", to: "2030-12-31" };
const year = { pricingModel: "FLAT_FEE", seats: 1, unitPrice: "1200", billingCycle: "annual" } as const;
const chatgpt = await saasProvider("chatgpt_plus", undefined, "ai");

function sum(rows: readonly Row[], column: string): string {
  return amountText(sumAmounts(rows.map((row) => parseAmount(String(row[column])))));
}

it("writes one row per version and day, with the columns of the table and nothing required missing", async () => {
  const config = await loadTableConfig("organizations");
  const { saas_costs_daily: daily, cost_data_standard: costs } = chargeRows([planVersion()], chatgpt, {
    from: "2025-01-01",
    to: "2025-01-31",
  });

  for (const [name, rows] of [
    ["saas_costs_daily", daily],
    ["cost_data_standard", costs],
  ] as const) {
    const columns = config.tables.find((table) => table.name === name)?.columns ?? [];
    const known = new Set(columns.map((column) => column.name));
    const required = columns.filter((column) => column.mode === "REQUIRED" && !isLineageColumn(column.name));
    expect(rows).toHaveLength(31);
    for (const row of rows) {
      expect(Object.keys(row).filter((column) => !known.has(column))).toEqual([]);
      expect(required.filter((column) => row[column.name] == null).map((column) => column.name)).toEqual([]);
    }
  }
  expect([sum(costs, "BilledCost"), sum(daily, "daily_cost")]).toEqual(["250", "250"]);
  expect(costs[0]).toMatchObject({
    ChargeCategory: "Purchase",
    ChargeFrequency: "Recurring",
    PricingQuantity: "10",
    PricingUnit: "Seats",
    ContractedUnitPrice: "0.806451612903",
    SkuId: "saas/chatgpt_plus/TEAM",
    SkuPriceId: "saas/chatgpt_plus/TEAM/monthly/USD",
    BillingAccountId: "saas:chatgpt_plus",
    BillingPeriodStart: "2025-01-01T00:00:00Z",
    BillingPeriodEnd: "2025-02-01T00:00:00Z",
    ServiceSubcategory: "Generative AI",
    x_category: "saas",
    x_seats: 10,
    x_cycle_cost: "250",
  });
});

// prices-and-plans.md C6; shown done when 17
it("bills a prepaid cycle at once and its days with nothing, so that billed and effective cost are equal", () => {
  const plan = planVersion({ ...year, startDate: "2023-03-15", endDate: "2024-03-14" });

  const { cost_data_standard: rows } = chargeRows([plan], chatgpt, always);

  const [once] = rows.filter((row) => row["ChargeFrequency"] === "One-Time");
  const daily = rows.filter((row) => row["ChargeFrequency"] === "Recurring");
  expect(once).toMatchObject({
    x_charge_date: "2023-03-15",
    BilledCost: "1200",
    EffectiveCost: "0",
    ListCost: "1200",
    ChargeCategory: "Purchase",
  });
  expect([daily.length, sum(daily, "BilledCost"), sum(rows, "EffectiveCost")]).toEqual([366, "0", "1200"]);
});

it("credits an early end without price, and gives every row an id of its own", () => {
  const discount = { discountType: "percent", discountValue: "10" } as const;
  const plan = planVersion({ ...year, ...discount, endDate: "2025-06-30", plannedEndDate: null });

  const { cost_data_standard: rows } = chargeRows([plan], chatgpt, always);

  const credit = rows.find((row) => row["ChargeCategory"] === "Credit");
  expect(credit).toMatchObject({
    x_charge_date: "2025-07-01",
    SkuId: null,
    ListUnitPrice: null,
    PricingQuantity: null,
  });
  expect([credit?.["ListCost"], credit?.["ContractedCost"]]).toEqual([credit?.["BilledCost"], credit?.["BilledCost"]]);
  expect(sum(rows, "BilledCost")).toBe(sum(rows, "EffectiveCost"));
  expect(new Set(rows.map((row) => row["x_row_id"])).size).toBe(rows.length);
});

it("keeps the rules of FOCUS: prices where there is a SKU, never negative, and their product is the cost", () => {
  const line = [
    planVersion({ ...year, seats: 3, pricingModel: "PER_SEAT", endDate: "2025-05-31", plannedEndDate: null }),
    planVersion({
      ...year,
      unitPrice: "600",
      startDate: "2025-06-01",
      anchorDate: "2025-01-01",
      endDate: "2026-02-10",
      version: 2,
    }),
  ];

  for (const row of chargeRows(line, chatgpt, always).cost_data_standard) {
    const isPriced = row["ChargeCategory"] === "Purchase";
    for (const column of [
      "ListUnitPrice",
      "ContractedUnitPrice",
      "PricingCategory",
      "PricingQuantity",
      "SkuId",
      "SkuPriceId",
    ])
      expect(row[column] !== null, `${column} of ${row["ChargeCategory"]}`).toBe(isPriced);
    if (!isPriced) continue;
    for (const [price, cost] of [
      ["ListUnitPrice", "ListCost"],
      ["ContractedUnitPrice", "ContractedCost"],
    ] as const) {
      const [unit, whole] = [Number(row[price]), Number(row[cost])];
      expect(unit).toBeGreaterThanOrEqual(0);
      expect(Math.abs(unit * Number(row["PricingQuantity"]) - whole)).toBeLessThanOrEqual(
        Math.abs(whole) * 1e-6 + 1e-11,
      );
    }
  }
});

/** A line of two versions, the first of which may have ended before it was planned to. */
const lines = fc
  .record({
    billingCycle: fc.constantFrom("monthly", "annual", "quarterly", "semi-annual", "weekly", "custom"),
    pricingModel: fc.constantFrom("PER_SEAT", "FLAT_FEE"),
    seats: fc.tuple(fc.integer({ min: 0, max: 99 }), fc.integer({ min: 0, max: 99 })),
    prices: fc.tuple(fc.integer({ min: 0, max: 9_999_999 }), fc.integer({ min: 0, max: 9_999_999 })),
    days: fc.tuple(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 90 })),
    discountValue: fc.constantFrom(null, "0.01", "17", "100"),
    isPlanned: fc.boolean(),
  } as const)
  .map(({ seats, prices, days, discountValue, isPlanned, ...shared }) => {
    const version = (at: 0 | 1, startDate: string) =>
      planVersion({
        ...{ ...shared, cycleDays: 33, startDate, anchorDate: "2025-01-01", version: at + 1 },
        ...{ seats: seats[at], unitPrice: amountText(parseAmount(`${prices[at]}e-4`)) },
        ...{ discountType: discountValue === null ? null : "percent", discountValue },
        ...{ endDate: addDays(startDate, days[at] - 1), plannedEndDate: isPlanned ? addDays(startDate, 400) : null },
      });
    return [version(0, "2025-01-01"), version(1, addDays("2025-01-01", days[0]))];
  });

it("writes no row that breaks a rule of FOCUS, whatever the plan, its changes and its end", () => {
  fc.assert(
    fc.property(lines, (line) => {
      const { cost_data_standard: rows } = chargeRows(line, chatgpt, always);

      expect([...new Set(rows.flatMap(focusFaults))]).toEqual([]);
    }),
    { numRuns: 300 },
  );
}, 60_000);

it("writes nothing for what an integration reports, and nothing at a price that nobody knows", () => {
  const lines = [planVersion({ costSource: "integration" }), planVersion({ unitPrice: null })];

  for (const version of lines) expect(chargeRows([version], chatgpt, always).cost_data_standard).toEqual([]);
});

// tables.md 1, row identity
it("has the record id that the tables specify", async () => {
  const version = planVersion({ subscriptionId: "sub_slack_pro_0a1b2c3d4e5f", version: 2, startDate: "2028-02-29" });

  const { saas_costs_daily: rows } = chargeRows([version], chatgpt, { from: "2028-02-29", to: "2028-02-29" });

  expect(rows[0]?.["x_source_record_id"]).toBe("7e9985ff016c81df1cad949cfd6fc1b9");
});

it("knows a pair of FOCUS's own taxonomy for every category of the seed plans", async () => {
  const taxonomy = (await configFile("focus/taxonomy.yml")) as { categories: Record<string, string[]> };

  for (const category of new Set((await seedPlans()).map((plan) => plan.category))) {
    const { serviceCategory, serviceSubcategory } = await saasProvider("x", undefined, category);
    expect(taxonomy.categories[serviceCategory], category).toContain(serviceSubcategory);
  }
});
