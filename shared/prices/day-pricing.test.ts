import { describe, expect, it } from "vitest";
import type { ComputedRow, UsageRow } from "#shared/providers/raw-rows.ts";
import { pricedWith, unpricedByDay } from "./day-pricing.ts";

const day = "2026-08-02";

function line(over: Partial<ComputedRow> = {}): ComputedRow {
  return {
    usage_date: day,
    provider: "openai",
    model: "gpt-99",
    usage_record_id: "u1",
    sku_meter: "input",
    service_tier: "standard",
    quantity: "100",
    unit: "tokens",
    price_status: "unpriced",
    price_version: "p1.o0",
    ...over,
  } as ComputedRow;
}

const usage = [{ x_source_record_id: "u1", request_count: 7 }] as UsageRow[];

function unpriced(lines: ComputedRow[], costs: Record<string, unknown>[] = []) {
  return unpricedByDay({ genai_computed_daily: lines, genai_usage_daily_raw: usage }, costs)[day]?.unpriced;
}

const charge = { x_charge_date: day, x_cost_source: "provider_reported", ChargeCategory: "Usage" };

describe("usage that no money stands for", () => {
  it("is summed by model and meter, a row of usage and its requests counted once", () => {
    const lines = [
      line(),
      line({ sku_meter: "output", quantity: "30" }),
      line({ price_status: "priced", quantity: "5" }),
    ];

    expect(unpriced(lines)).toEqual([
      {
        provider: "openai",
        model: "gpt-99",
        rows: 1,
        requests: 7,
        tokens: "130",
        meters: { input: "100", output: "30" },
      },
    ]);
  });

  it.each([
    ["the model in all tiers", { x_model: "gpt-99", x_service_tier: null }, line(), true],
    ["the model in the tier", { x_model: "gpt-99", x_service_tier: "standard" }, line(), true],
    [
      "the model in another tier",
      { x_model: "gpt-99", x_service_tier: "standard" },
      line({ service_tier: "flex" }),
      false,
    ],
    ["another model", { x_model: "gpt-4o", x_service_tier: null }, line(), false],
    ["another day", { x_model: "gpt-99", x_charge_date: "2026-08-03" }, line(), false],
    ["the model, as a credit", { x_model: "gpt-99", ChargeCategory: "Credit" }, line(), false],
    ["the model, computed", { x_model: "gpt-99", x_cost_source: "computed" }, line(), false],
    ["a tool, for tokens", { x_model: null }, line(), false],
    ["a tool, for its calls", { x_model: null }, line({ unit: "requests" }), true],
  ])("is not listed where the provider charges for it: %s", (_, over, open, isCovered) => {
    expect(unpriced([open], [{ ...charge, ...over }]) === undefined).toBe(isCovered);
  });

  it("names twenty models of a day at most and loses nothing of the others", () => {
    const lines = Array.from({ length: 25 }, (_, at) => line({ model: `m${at}`, usage_record_id: `u${at}` }));

    const found = unpriced(lines) ?? [];

    expect(found.length).toBe(21);
    expect(found.at(-1)).toMatchObject({ model: null, rows: 5, tokens: "500", meters: { input: "500" } });
  });
});

it("keeps the earliest book of a day: later ones only fill what it lacked", () => {
  const rows = [
    line({ price_version: "p1.o12" }),
    line({ price_version: "p1.o9" }),
    line({ usage_date: "2026-08-03" }),
  ];

  expect(pricedWith({ genai_computed_daily: rows })).toEqual({
    [day]: { version: "p1.o9" },
    "2026-08-03": { version: "p1.o0" },
  });
});
