import pl, { type DataFrame } from "nodejs-polars";
import { describe, expect, it } from "vitest";
import type { PublishedMonth } from "#shared/ledger/current-batches.ts";
import { parseAmount } from "#shared/money/amount.ts";
import { one } from "#shared/money/fx.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import type { Conversion } from "./conversion.ts";
import { buildMonthFrame } from "./month-frame.ts";
import { platformFacts } from "./platform-facts.ts";

const facts = await platformFacts();
const decimal = pl.Decimal(38, 12);

const texts: Record<string, (string | null)[]> = {
  x_provider: ["openai", "openai"],
  x_category: ["llm", "llm"],
  ServiceName: ["OpenAI API", "OpenAI API"],
  ServiceCategory: ["Other", "Other"],
  ChargeCategory: ["Usage", "Usage"],
  BillingCurrency: ["USD", "USD"],
  x_pipeline_id: ["p", "p"],
  x_source: ["s", "s"],
  ChargeClass: [null, null],
};

/** Two rows of 1.50 and 2.50 as a warehouse answers them, with some columns replaced. */
function storedRows(
  replaced: Record<string, (string | null)[]> = {},
  amountType: "decimal" | "text" = "decimal",
): DataFrame {
  const costs = ["EffectiveCost", "BilledCost", "ListCost", "ContractedCost"].map((name) => {
    const series = pl.Series(name, replaced[name] ?? ["1.50", "2.50"], pl.Utf8);
    return amountType === "decimal" ? series.cast(decimal, true) : series;
  });
  return pl.DataFrame([
    ...Object.entries(texts).map(([name, values]) => pl.Series(name, replaced[name] ?? values, pl.Utf8)),
    ...costs,
    pl.Series("x_charge_date", [20_513, 20_513], pl.Int32).cast(pl.Date, true),
    pl.Series("x_currency_conversion_rate", replaced["bill"] ?? [null, null], pl.Utf8).cast(decimal, true),
    pl.Series("x_counted", [true, true], pl.Bool),
    pl.Series("x_simulated", [false, false], pl.Bool),
  ]);
}

/** Into US dollars; one euro is 1.0850 of them. */
const conversion: Conversion = {
  currency: "USD",
  book: {
    version: "m1.o0",
    orgRates: async () => [],
    seed: {
      day: "2025-12-14",
      base: "EUR",
      source: "seed",
      rates: new Map([
        ["EUR", one],
        ["USD", parseAmount("1.0850")],
      ]),
    },
    market: { months: [], currencies: new Set(), days: async () => [] },
  },
};

function build(rows: DataFrame, totals: Record<string, [string, string]> = { USD: ["4.00", "4.00"] }) {
  const read: Warehouse["read"] = async (_source, _parts, names) => rows.select(...names);
  const day = { pipelineId: "p", source: "s", day: "2026-03-01", state: "complete", rows: 2 } as const;
  const month: PublishedMonth = {
    month: "2026-03",
    epoch: 1,
    version: 1,
    days: [{ ...day, totals, batches: { cost_data_standard: ["b"] }, publishedAt: "2026-03-02T02:10:00.000Z" }],
  };
  const source = { datasetId: "golden_org_test", table: facts.costTable };
  return buildMonthFrame(month, source, { warehouse: { read } as Pick<Warehouse, "read"> as Warehouse, conversion });
}

describe("buildMonthFrame", () => {
  it("groups equal rows into one with exact sums", async () => {
    const { frame, bytes } = await build(storedRows());

    const [row, ...others] = frame.select(pl.col("effective").cast(pl.Utf8), pl.col("rows").cast(pl.Utf8)).toRecords();
    expect([row, others]).toEqual([{ effective: "4.000000000000", rows: "2" }, []]);
    expect(bytes).toBeGreaterThan(0);
  });

  it("converts each row once before it groups, half to even", async () => {
    const rows = storedRows({
      BillingCurrency: ["EUR", "EUR"],
      EffectiveCost: ["0.000000000100", "0.000000000100"],
    });

    const { frame } = await build(rows, { EUR: ["4.00", "0.0000000002"] });

    // 1.085e-10 twice is 2 x 1.08e-10; converted together it would be 2.17e-10.
    const names = ["effective", "billed", "native_billed", "converted", "rows"];
    expect(frame.select(pl.cols(names).cast(pl.Utf8)).toRecords()).toEqual([
      {
        effective: "0.000000000216",
        billed: "4.340000000000",
        native_billed: "4.000000000000",
        converted: "true",
        rows: "2",
      },
    ]);
  });

  it("takes the bill's own rate of local units per dollar, for dollars only", async () => {
    const rows = storedRows({ BillingCurrency: ["INR", "INR"], bill: ["80", null] });

    const { frame } = await build(rows, { INR: ["4.00", "4.00"] });

    const seen = frame.select(pl.cols(["billed", "native_billed", "converted", "fx"]).cast(pl.Utf8)).toRecords();
    const byState = Object.fromEntries(seen.map((row) => [String(row["converted"]), row]));
    expect(byState["true"]).toMatchObject({ billed: "0.018750000000", native_billed: "1.500000000000" });
    expect(JSON.parse(String(byState["true"]?.["fx"]))).toMatchObject({ method: "bill", rate: "0.0125" });
    expect(byState["false"]).toMatchObject({ billed: "0.000000000000", native_billed: "2.500000000000", fx: "none" });
  });

  it.each(["ListCost", "ContractedCost", "x_provider", "ServiceName"])(
    "refuses a row whose %s is missing",
    async (column) => {
      const values = column.endsWith("Cost") ? ["1.50", null] : ["openai", null];

      const error = await build(storedRows({ [column]: values })).catch((thrown: unknown) => thrown);

      expect(isAppError(error, "WAREHOUSE_UNAVAILABLE")).toBe(true);
    },
  );

  it.each(["", "abc", "NaN"])("never takes the amount %j for nothing", async (text) => {
    await expect(build(storedRows({ ListCost: ["1.50", text] }, "text"))).rejects.toThrow();
  });

  it.each<[string, Record<string, [string, string]>]>([
    ["another billed sum", { USD: ["4.01", "4.00"] }],
    ["another effective sum", { USD: ["4.00", "3.999999999999"] }],
    ["another currency", { EUR: ["4.00", "4.00"] }],
    ["a currency whose rows are gone", { USD: ["4.00", "4.00"], EUR: ["1.00", "1.00"] }],
  ])("refuses rows of which the ledger published %s", async (_, totals) => {
    const error = await build(storedRows(), totals).catch((thrown: unknown) => thrown);

    expect(isAppError(error, "WAREHOUSE_UNAVAILABLE")).toBe(true);
  });
});
