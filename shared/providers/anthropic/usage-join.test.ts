import { describe, expect, it } from "vitest";
import { focusFaults } from "../fixtures/focus-faults.ts";
import type { Row } from "../provider.ts";
import { paths } from "./client.ts";
import { bucketWith, type PulledDay, pullDay, resultsOf, rowsOf } from "./fixtures/fixture-anthropic.ts";

type Json = Record<string, unknown>;

const [inputCost = {}] = resultsOf("costs");
const searchCost = resultsOf("costs")[5] ?? {};
const [usage = {}] = resultsOf("usage");

function day(costs: Json[], usages: Json[]): Promise<PulledDay> {
  return pullDay({ [paths.costs]: bucketWith("costs", costs), [paths.usage]: bucketWith("usage", usages) });
}

async function costRows(costs: Json[], usages: Json[]): Promise<Row[]> {
  const rows = rowsOf((await day(costs, usages)).focus, "cost_data_standard");
  expect(rows.flatMap(focusFaults)).toEqual([]);
  return rows;
}

const keyed = (keyId: string | null, tokens: number, changes: Json = {}): Json => ({
  ...usage,
  api_key_id: keyId,
  uncached_input_tokens: tokens,
  ...changes,
});
const facts = (rows: readonly Row[], ...columns: string[]) => rows.map((row) => columns.map((name) => row[name]));

// Source: provider-adapters.md 3.2.
describe("the split of a charge by key", () => {
  it("divides 3.60 over 700001 and 499999 tokens, each part with its own tokens", async () => {
    const rows = await costRows([inputCost], [keyed("apikey_02", 499999), keyed("apikey_01", 700001)]);

    const columns = ["x_api_key_id", "BilledCost", "ConsumedQuantity", "x_allocation", "x_cost_source"];
    expect(facts(rows, ...columns)).toEqual([
      ["apikey_01", "2.100003", "700001", "usage_share", "allocated"],
      ["apikey_02", "1.499997", "499999", "usage_share", "allocated"],
    ]);
    expect(new Set(rows.map((row) => row["x_row_id"])).size).toBe(2);
    expect(new Set(rows.map((row) => row["x_source_record_id"])).size).toBe(1);
  });

  it("keeps use without a key as a part without a key", async () => {
    const rows = await costRows([inputCost], [keyed(null, 1), keyed("apikey_01", 3)]);

    expect(facts(rows, "x_api_key_id", "BilledCost", "x_cost_source")).toEqual([
      [null, "0.9", "allocated"],
      ["apikey_01", "2.7", "allocated"],
    ]);
  });

  it.each([
    ["all use was without a key", [keyed(null, 5)]],
    ["there was no such use", [keyed("apikey_01", 0)]],
    ["there is no usage", []],
  ])("leaves one row without a key when %s", async (_what, usages) => {
    const rows = await costRows([inputCost], usages);

    expect(facts(rows, "x_api_key_id", "BilledCost", "x_cost_source", "x_allocation")).toEqual([
      [null, "3.6", "provider_reported", null],
    ]);
  });

  it("divides a credit too, and gives it no quantity", async () => {
    const credit = { ...inputCost, amount: "-100" };

    const rows = await costRows([inputCost, credit], [keyed("apikey_01", 1), keyed("apikey_02", 3)]);

    const columns = ["ChargeCategory", "x_api_key_id", "BilledCost", "ConsumedQuantity"];
    expect(facts(rows, ...columns).sort()).toEqual([
      ["Credit", "apikey_01", "-0.25", null],
      ["Credit", "apikey_02", "-0.75", null],
      ["Usage", "apikey_01", "0.9", "1"],
      ["Usage", "apikey_02", "2.7", "3"],
    ]);
  });

  it("does not divide web searches", async () => {
    const rows = await costRows([searchCost], [keyed("apikey_01", 1), keyed("apikey_02", 1)]);

    expect(facts(rows, "x_api_key_id", "BilledCost", "ConsumedQuantity", "ConsumedUnit")).toEqual([
      [null, "0.3", "60", "Requests"],
    ]);
  });
});

describe("the quantity of a charge", () => {
  it.each([
    ["workspace", { workspace_id: null }],
    ["model", { model: "claude-opus-5" }],
    ["tier", { service_tier: "batch" }],
    ["context", { context_window: "200k-1M" }],
  ])("is not taken from another %s", async (_what, changes) => {
    const { focus } = await day([inputCost], [keyed("apikey_01", 7, changes)]);

    const rows = rowsOf(focus, "cost_data_standard");
    expect(facts(rows, "PricingUnit", "x_quantity_basis", "x_quantity_imputed")).toEqual([["Charges", "charge", true]]);
    expect(focus.findings).toMatchObject([{ code: "quantity_missing", count: 1 }]);
  });

  it("joins charges and usage without a workspace as those of the default one", async () => {
    const [row] = await costRows(
      [{ ...inputCost, workspace_id: null }],
      [keyed("apikey_01", 7, { workspace_id: null })],
    );

    expect(row).toMatchObject({
      SubAccountId: "default",
      SubAccountName: "default",
      x_project_id: "default",
      ConsumedQuantity: "7",
    });
  });

  it("adds up all places where the charge names none", async () => {
    const usages = [keyed("apikey_01", 4, { inference_geo: "us" }), keyed("apikey_01", 3, { inference_geo: "global" })];

    const rows = await costRows([inputCost], usages);

    expect(facts(rows, "ConsumedQuantity")).toEqual([["7"]]);
  });

  it("takes the place the charge names, and shows it as its region", async () => {
    const usages = [keyed("apikey_01", 4, { inference_geo: "us" }), keyed("apikey_01", 3, { inference_geo: "global" })];

    const rows = await costRows([{ ...inputCost, inference_geo: "us" }], usages);

    expect(facts(rows, "ConsumedQuantity", "RegionId", "RegionName")).toEqual([["4", "us", "us"]]);
  });

  it("shows no region where the provider knows none", async () => {
    const rows = await costRows([{ ...inputCost, inference_geo: "not_available" }], []);

    expect(facts(rows, "RegionId")).toEqual([[null]]);
  });

  it.each([
    ["of one place", {}, {}],
    ["of all places and of one", {}, { inference_geo: "global" }],
  ])("is given to none of two charges %s, which are still divided", async (_what, one, other) => {
    const costs = [
      { ...inputCost, ...one },
      { ...inputCost, ...other, description: "Claude Sonnet 4.6 Usage - Long", amount: "100" },
    ];

    const rows = await costRows(costs, [keyed("apikey_01", 1), keyed("apikey_02", 1)]);

    expect(facts(rows, "x_quantity_basis", "x_allocation")).toEqual(Array(4).fill(["charge", "usage_share"]));
    expect(facts(rows, "BilledCost").flat().sort()).toEqual(["0.5", "0.5", "1.8", "1.8"]);
  });

  it("is given to two charges of two places", async () => {
    const usages = [keyed("apikey_01", 4, { inference_geo: "us" }), keyed("apikey_01", 3, { inference_geo: "global" })];
    const costs = ["us", "global"].map((inference_geo) => ({ ...inputCost, inference_geo }));

    const rows = await costRows(costs, usages);

    expect(facts(rows, "RegionId", "ConsumedQuantity").sort()).toEqual([
      ["global", "3"],
      ["us", "4"],
    ]);
  });
});

describe("what is charged", () => {
  it("takes money below zero for a credit", async () => {
    const { costs } = await day([{ ...searchCost, amount: "-50", description: "Promotional credit" }], []);

    expect(costs.rows["genai_billed_daily_raw"]).toMatchObject([
      { amount: "-0.5", cost_type: "credit", charge_category: "Credit", line_item: "Promotional credit" },
    ]);
    expect(costs.findings).toEqual([]);
  });

  it.each([
    ["code_execution", "session", false],
    ["session_usage", "session", false],
    ["web_search", "tool", false],
    ["storage", "other", true],
    ["constructor", "other", true],
    [null, "other", true],
  ])("reads the kind %j as %s and keeps its money", async (cost_type, expected, isUnknown) => {
    const cost = { ...searchCost, cost_type, description: "gödel 🚀 engine" };

    const { costs, focus } = await day([cost, { ...cost, workspace_id: null }], []);

    const rows = rowsOf(costs, "genai_billed_daily_raw");
    expect(facts(rows, "cost_type", "amount")).toEqual(Array(2).fill([expected, "0.3"]));
    expect(rowsOf(focus, "cost_data_standard")).toHaveLength(2);
    expect(costs.findings).toMatchObject(
      isUnknown ? [{ code: "unknown_line_item", path: "gödel 🚀 engine", count: 2 }] : [],
    );
  });

  it("keeps the money of a token type that is not known", async () => {
    const { costs } = await day([{ ...inputCost, token_type: "thought_tokens" }], []);

    expect(costs.rows["genai_billed_daily_raw"]).toMatchObject([
      { amount: "3.6", token_type: null, cost_type: "tokens" },
    ]);
    expect(costs.findings).toMatchObject([{ code: "unknown_line_item", count: 1 }]);
  });

  it.each([
    ["4312.5", "43.125"],
    ["-0.0004", "-0.000004"],
    ["1e2", "1"],
    ["123.45", "1.2345"],
    ["0.00000000005", "0"],
    ["0.00000000015", "0.000000000002"],
  ])("reads %s cents as %s dollars", async (cents, dollars) => {
    const { costs } = await day([{ ...inputCost, amount: cents }], []);

    expect(costs.rows["genai_billed_daily_raw"]).toMatchObject([{ amount: dollars, provider_amount: cents }]);
  });

  it("prices batch dynamically", async () => {
    const rows = await costRows(
      [{ ...inputCost, service_tier: "batch" }],
      [keyed("apikey_01", 5, { service_tier: "batch" })],
    );

    expect(facts(rows, "PricingCategory", "x_service_tier", "SkuPriceId")).toEqual([
      ["Dynamic", "batch", "anthropic/claude-sonnet-4-6/uncached_input/0-200k/batch"],
    ]);
  });

  it.each(["priority", "priority_on_demand", "flex", "flex_discount"])(
    "keeps %s usage, which has no charge here, as usage only",
    async (service_tier) => {
      const { usage: pulled, focus } = await day([], [keyed("apikey_01", 5, { service_tier })]);

      expect(rowsOf(pulled, "genai_usage_daily_raw").map((row) => row["service_tier"])).toContain(service_tier);
      expect(rowsOf(focus, "cost_data_standard")).toEqual([]);
    },
  );

  it("refuses one charge in two currencies", async () => {
    await expect(day([inputCost, { ...inputCost, currency: "EUR" }], [])).rejects.toMatchObject({
      code: "PROVIDER_BAD_RESPONSE",
    });
  });
});
