import { describe, expect, it } from "vitest";
import { parseAmount } from "#shared/money/amount.ts";
import { focusFaults } from "./fixtures/focus-faults.ts";
import { type Charge, focusRow } from "./focus-rows.ts";
import { openaiEntry } from "./openai/fixtures/fixture-openai.ts";

const account = { provider: await openaiEntry(), accountId: "org-x", accountName: null, accountType: "Organization" };

function charge(changes: Partial<Charge> & { cost?: string; units?: string; unit?: string }): Charge {
  const { cost = "1", units, unit = "tokens", ...rest } = changes;
  return {
    sourceTable: "genai_billed_daily_raw",
    sourceRecordId: "0".repeat(32),
    part: null,
    day: "2028-02-29",
    periodStart: "2028-02-29T00:00:00Z",
    periodEnd: "2028-03-01T00:00:00Z",
    category: "Usage",
    amount: parseAmount(cost),
    currency: "USD",
    description: "a charge",
    subAccount: null,
    sku: { id: "openai/a charge", priceId: "openai/a charge", meter: "a charge" },
    quantity: units === undefined ? null : { value: parseAmount(units), unit, basis: "reported" },
    dimensions: {},
    ...rest,
  };
}

const columns = [
  "ChargeCategory",
  "PricingQuantity",
  "PricingUnit",
  "ListUnitPrice",
  "ConsumedQuantity",
  "ConsumedUnit",
  "x_quantity_imputed",
];

// Source: provider-adapters.md 3.12.
describe("focusRow", () => {
  it.each([
    [
      "tokens",
      charge({ cost: "0.06", units: "80000" }),
      ["Usage", "0.08", "1000000 Tokens", "0.75", "80000", "Tokens", false],
    ],
    [
      "another unit",
      charge({ cost: "0.9", units: "90", unit: "requests" }),
      ["Usage", "90", "Requests", "0.01", "90", "Requests", false],
    ],
    [
      "a unit of the provider's own",
      charge({ cost: "3", units: "2", unit: "widgets" }),
      ["Usage", "2", "widgets", "1.5", "2", "widgets", false],
    ],
    ["no quantity", charge({ cost: "0.9" }), ["Usage", "1", "Charges", "0.9", "1", "Charges", true]],
    ["a quantity of zero", charge({ cost: "0.9", units: "0" }), ["Usage", "1", "Charges", "0.9", "1", "Charges", true]],
    [
      "usage for nothing",
      charge({ cost: "0", units: "5" }),
      ["Usage", "0.000005", "1000000 Tokens", "0", "5", "Tokens", false],
    ],
    [
      "a price too small for 12 decimals",
      charge({ cost: "0.000000000001", units: "9", unit: "bytes" }),
      ["Usage", "1", "Charges", "0.000000000001", "9", "B", true],
    ],
    ["usage below zero", charge({ cost: "-0.5", units: "5" }), ["Adjustment", null, null, null, null, null, null]],
    [
      "a credit",
      charge({ cost: "-0.25", category: "Credit", units: "5" }),
      ["Credit", null, null, null, null, null, null],
    ],
  ])("states %s by the rules of FOCUS", (_what, given, expected) => {
    const row = focusRow(given, account);

    expect(columns.map((name) => row?.[name])).toEqual(expected);
    expect(focusFaults(row ?? {})).toEqual([]);
  });

  it.each(["0", "-0", "0.0000000000004"])("writes no row for usage of %s without a quantity", (cost) => {
    expect(focusRow(charge({ cost }), account)).toBeNull();
  });

  it("bills the day in its UTC month, leap days too", () => {
    expect(focusRow(charge({}), account)).toMatchObject({
      BillingPeriodStart: "2028-02-01T00:00:00Z",
      BillingPeriodEnd: "2028-03-01T00:00:00Z",
      x_charge_date: "2028-02-29",
    });
  });

  it("names a sub account by its id where its name is not known", () => {
    const row = focusRow(charge({ subAccount: { id: "proj_a", name: null, type: "Project" } }), account);

    expect(row).toMatchObject({ SubAccountId: "proj_a", SubAccountName: "proj_a", SubAccountType: "Project" });
  });

  it("cuts a long SKU at 512 bytes, in no character's middle, and keeps two texts two", () => {
    const skus = ["a", "b"].map((end) => {
      const id = `openai/${"€".repeat(300)}${end}`;
      return String(focusRow(charge({ sku: { id, priceId: id, meter: "x" } }), account)?.["SkuId"]);
    });

    for (const sku of skus) {
      expect(Buffer.byteLength(sku)).toBeLessThanOrEqual(512);
      expect(sku).toMatch(/^openai\/€+~[0-9a-f]{16}$/u);
    }
    expect(skus[0]).not.toBe(skus[1]);
  });

  it("gives parts of one record ids of their own, by neither amount nor name", () => {
    const ids = [
      charge({}),
      charge({ cost: "2", description: "renamed" }),
      charge({ part: "key_1" }),
      charge({ category: "Credit", cost: "-1" }),
    ];

    const [plain, same, part, credit] = ids.map((given) => focusRow(given, account)?.["x_row_id"]);

    expect(same).toBe(plain);
    expect(new Set([plain, part, credit]).size).toBe(3);
  });

  it("has the identity of tables.md 1", () => {
    const row = focusRow(charge({ sourceRecordId: "8636eec5f0f1ac83af02e8485142b7e5" }), account);

    expect(row?.["x_row_id"]).toBe("984679ede5c871de44512e537a2e9868");
  });
});
