import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { amountText, type Decimal, parseAmount, sumAmounts } from "#shared/money/amount.ts";
import { findings } from "../findings.ts";
import { focusFaults } from "../fixtures/focus-faults.ts";
import type { Row } from "../provider.ts";
import { billedRows, type CostDay } from "./billed-rows.ts";
import { anthropicEntry } from "./fixtures/fixture-anthropic.ts";
import { anthropicFocusRows } from "./focus-rows.ts";
import type { CostResult, UsageResult } from "./schema.ts";
import { type UsageDay, usageRows } from "./usage-rows.ts";

const provider = await anthropicEntry();
const names = { workspaces: new Map<string, string>(), apiKeys: new Map<string, string>() };
const facts = { provider, accountId: "org-x", names };
const bucket = {
  day: "2028-02-29",
  startSeconds: Date.UTC(2028, 1, 29) / 1000,
  endSeconds: Date.UTC(2028, 2, 1) / 1000,
};

const dimensions = {
  path: fc.constant("$"),
  workspaceId: fc.constantFrom("default", "wrkspc_a", "x".repeat(1000)),
  model: fc.constantFrom("claude-a", "claude-b"),
  tier: fc.constantFrom("standard", "batch", null),
  contextWindow: fc.constantFrom("0-200k", null),
};

/** Cents of at most ten decimals, which dollars of twelve hold exactly; negative too, also in E notation. */
const cents = fc.oneof(
  fc
    .bigInt({ min: -(10n ** 20n), max: 10n ** 24n })
    .map((units) => amountText(parseAmount(String(units)).times("1e-10"))),
  fc.integer({ min: -999, max: 999 }).map((value) => `${value}e-10`),
  fc.constantFrom("0", "-0", "0.0", "1e12", "360"),
);

const costResult: fc.Arbitrary<CostResult> = fc.record({
  ...dimensions,
  cents,
  currency: fc.constant("USD"),
  description: fc.constantFrom("Input", "Web Search Usage", "odd 🚀", null),
  costType: fc.constantFrom("tokens", "tokens", "web_search", "code_execution", "new", null),
  tokenType: fc.constantFrom(
    "uncached_input_tokens",
    "output_tokens",
    "cache_creation.ephemeral_1h_input_tokens",
    null,
  ),
  geo: fc.constantFrom("us", "not_available", null),
});

const count = fc.oneof(fc.constant(0), fc.nat({ max: 10 ** 9 }));
const usageResult: fc.Arbitrary<UsageResult> = fc.record({
  ...dimensions,
  geo: fc.constantFrom("us", "not_available"),
  apiKeyId: fc.constantFrom("apikey_1", "apikey_2", "apikey_3", null),
  uncached: count,
  read: count,
  write5m: count,
  write1h: count,
  output: count,
  webSearches: count,
});

const costs = fc.array(costResult, { maxLength: 25 });
const usages = fc.array(usageResult, { maxLength: 15 });

const billedOf = (results: readonly CostResult[]) =>
  billedRows([{ ...bucket, results }] satisfies CostDay[], facts, findings());
const usageOf = (results: readonly UsageResult[]) =>
  usageRows([{ ...bucket, hasTiers: true, results }] satisfies UsageDay[], facts, findings());

function costRows(costResults: readonly CostResult[], usageResults: readonly UsageResult[]): Row[] {
  const rows = { genai_billed_daily_raw: billedOf(costResults), genai_usage_daily_raw: usageOf(usageResults) };
  const focus = anthropicFocusRows({ provider, accountId: "org-x", accountName: null, days: {}, rows });
  return focus.rows["cost_data_standard"] ?? [];
}

const total = (rows: readonly Row[], name: string): Decimal =>
  sumAmounts(rows.map((row) => parseAmount(String(row[name]))));

describe("rows of Anthropic, whatever it answers", () => {
  it("add up to the cents of the report / 100 to the last digit, in raw and, divided by key, in FOCUS rows", () => {
    fc.assert(
      fc.property(costs, usages, (costResults, usageResults) => {
        const dollars = amountText(sumAmounts(costResults.map(({ cents: text }) => parseAmount(text))).times("0.01"));

        expect(amountText(total(billedOf(costResults), "amount"))).toBe(dollars);
        expect(amountText(total(costRows(costResults, usageResults), "BilledCost"))).toBe(dollars);
      }),
      { numRuns: 200 },
    );
  });

  it("divide each billed row into parts that add up to it exactly", () => {
    fc.assert(
      fc.property(costs, usages, (costResults, usageResults) => {
        const focus = costRows(costResults, usageResults);

        for (const row of billedOf(costResults)) {
          const parts = focus.filter((part) => part["x_source_record_id"] === row.x_source_record_id);
          expect(amountText(total(parts, "BilledCost"))).toBe(row.amount);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("claim no token and no search twice", () => {
    fc.assert(
      fc.property(costs, usages, (costResults, usageResults) => {
        const consumed = costRows(costResults, usageResults).filter((row) => row["x_quantity_basis"] === "usage_join");

        const used = total(usageOf(usageResults), "quantity");
        expect(total(consumed, "ConsumedQuantity").lessThanOrEqualTo(used)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it("keep the rules of FOCUS and have ids of their own", () => {
    fc.assert(
      fc.property(costs, usages, (costResults, usageResults) => {
        const rows = costRows(costResults, usageResults);
        const billed = billedOf(costResults);
        const usage = usageOf(usageResults);

        expect(rows.flatMap(focusFaults)).toEqual([]);
        expect(new Set(rows.map((row) => row["x_row_id"])).size).toBe(rows.length);
        expect(new Set(billed.map((row) => row.x_source_record_id)).size).toBe(billed.length);
        expect(new Set(usage.map((row) => row.x_source_record_id)).size).toBe(usage.length);
      }),
      { numRuns: 200 },
    );
  });

  it("keep the provider's tokens and searches in disjoint parts", () => {
    fc.assert(
      fc.property(usages, (results) => {
        const rows = usageOf(results);
        const tokens = rows.filter(({ meter }) => meter === "tokens");
        const searches = rows.filter(({ meter }) => meter === "web_search_calls");

        const sum = (name: keyof UsageResult) => results.reduce((all, result) => all + Number(result[name]), 0);
        const column = (name: string) => tokens.reduce((all, row) => all + Number((row as Row)[name]), 0);
        expect(column("uncached_input_tokens")).toBe(sum("uncached"));
        expect(column("cache_read_tokens")).toBe(sum("read"));
        expect(column("cache_write_5m_tokens")).toBe(sum("write5m"));
        expect(column("cache_write_1h_tokens")).toBe(sum("write1h"));
        expect(column("output_tokens")).toBe(sum("output"));
        expect(column("total_tokens")).toBe(column("quantity"));
        expect(column("quantity")).toBe(
          sum("uncached") + sum("read") + sum("write5m") + sum("write1h") + sum("output"),
        );
        expect(searches.reduce((all, { quantity }) => all + Number(quantity), 0)).toBe(sum("webSearches"));
      }),
      { numRuns: 200 },
    );
  });

  it("do not depend on the order of the results", () => {
    fc.assert(
      fc.property(costs, usages, (costResults, usageResults) => {
        const turned = [[...costResults].reverse(), [...usageResults].reverse()] as const;

        expect(billedOf(turned[0])).toEqual(billedOf(costResults));
        expect(usageOf(turned[1])).toEqual(usageOf(usageResults));
        expect(costRows(...turned)).toEqual(costRows(costResults, usageResults));
      }),
      { numRuns: 100 },
    );
  });
});
