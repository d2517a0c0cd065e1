import pl, { type DataFrame } from "nodejs-polars";
import { describe, expect, it } from "vitest";
import type { PublishedMonth } from "#shared/ledger/current-batches.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { isAppError } from "#shared/runtime/errors.ts";
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
    pl.Series("x_counted", [true, true], pl.Bool),
    pl.Series("x_simulated", [false, false], pl.Bool),
  ]);
}

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
  return buildMonthFrame(month, source, { read } as Pick<Warehouse, "read"> as Warehouse);
}

describe("buildMonthFrame", () => {
  it("groups equal rows into one with exact sums", async () => {
    const { frame, bytes } = await build(storedRows());

    const [row, ...others] = frame.select(pl.col("effective").cast(pl.Utf8), pl.col("rows").cast(pl.Utf8)).toRecords();
    expect([row, others]).toEqual([{ effective: "4.000000000000", rows: "2" }, []]);
    expect(bytes).toBeGreaterThan(0);
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
