import { describe, expect, it } from "vitest";
import type { UsageRow } from "#shared/providers/raw-rows.ts";
import { bookWith, ownPrice } from "./book.fixture.ts";
import { computedRows } from "./computed-rows.ts";
import type { Terms } from "./price.ts";
import { looksBackTo, usedBefore } from "./used-before.ts";

function usage(day: string, id: string, input: number, output = 0, model = "much"): UsageRow {
  return {
    usage_date: day,
    x_source_record_id: id,
    provider: "openai",
    model,
    meter: "tokens",
    unit: "tokens",
    service_tier: "standard",
    context_window: null,
    inference_geo: null,
    project_id: null,
    api_key_id: null,
    user_ref: null,
    cache_split: true,
    uncached_input_tokens: input,
    output_tokens: output,
  } as unknown as UsageRow;
}

async function costs(terms: Terms, rows: UsageRow[], published: UsageRow[]): Promise<string[]> {
  const book = await bookWith([ownPrice("much", "2026-01-01", { input_per_1m: "2", output_per_1m: "8", ...terms })]);
  const before = usedBefore(rows, published);
  const choice = { current: book.version, published: [], book: () => book };
  const computed = computedRows(rows, { ...choice, before: (row) => before(row, "2026-01-01") });
  return computed.map((row) => row.contracted_cost ?? "unpriced");
}

describe("what was used before", () => {
  const volume = { volume_threshold_tokens: 1_000_000, volume_discount_pct: "10" };

  // prices-and-plans.md A10 #14, its month to date told apart from other models, months and the days of the run itself
  it("counts towards a volume discount from the first of the month, published or of this run", async () => {
    const published = [
      usage("2026-08-01", "a", 500_000),
      usage("2026-08-02", "a", 400_000),
      usage("2026-08-02", "b", 999_999, 0, "other"),
      usage("2026-07-31", "a", 999_999),
      usage("2026-08-03", "a", 999_999),
    ];

    expect(await costs(volume, [usage("2026-08-03", "a", 300_000)], published)).toEqual(["0.56"]);
    const both = [usage("2026-08-02", "a", 400_000), usage("2026-08-03", "a", 300_000)];
    expect(await costs(volume, both, published.slice(0, 1))).toEqual(["0.8", "0.56"]);
  });

  it("shares the discount of a day among its rows", async () => {
    const rows = [usage("2026-08-03", "a", 600_000), usage("2026-08-03", "b", 0, 100_000)];

    // #15
    expect(await costs(volume, rows, [usage("2026-08-01", "a", 800_000)])).toEqual([
      "1.114285714286",
      "0.742857142857",
    ]);
  });

  it.each([
    ["daily", ["0", "1"]],
    ["monthly", ["1", "2"]],
    ["never", ["2", "2"]],
  ] as const)("uses up free tokens that are reset %s, row by row", async (reset, expected) => {
    const free: Terms = { free_tier_input_tokens: 1_500_000, free_tier_reset_frequency: reset };
    const rows = [usage("2026-08-03", "a", 1_000_000), usage("2026-08-03", "b", 1_000_000)];
    const published = [usage("2026-08-01", "a", 1_000_000), usage("2026-07-01", "a", 1_000_000)];

    expect(await costs(free, rows, published)).toEqual(expected);
  });

  it("is read only where a price asks for it, and no further back than it asks", async () => {
    const with_ = async (terms: Terms) =>
      looksBackTo(await bookWith([ownPrice("much", "2026-01-15", { input_per_1m: "2", ...terms })]), [
        "2026-08-05",
        "2026-07-31",
      ]);

    expect(
      await Promise.all(
        [{}, volume, { free_tier_input_tokens: 1, free_tier_reset_frequency: "never" as const }].map(with_),
      ),
    ).toEqual([undefined, "2026-07-01", "2026-01-15"]);
  });
});
