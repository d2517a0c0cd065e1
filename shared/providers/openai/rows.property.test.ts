import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { amountText, type Decimal, parseAmount, sumAmounts } from "#shared/money/amount.ts";
import { configFile } from "#shared/platform/config-files.ts";
import { findings } from "../findings.ts";
import { focusFaults } from "../fixtures/focus-faults.ts";
import type { Row } from "../provider.ts";
import { billedRows, type CostDay } from "./billed-rows.ts";
import { openaiEntry } from "./fixtures/fixture-openai.ts";
import { openaiFocusRows } from "./focus-rows.ts";
import { lineItems } from "./line-items.ts";
import type { CompletionCounts, CostResult, UsageResult } from "./schema.ts";
import { usageEndpoints } from "./usage-endpoints.ts";
import { type UsageDay, usageRows } from "./usage-rows.ts";

const provider = await openaiEntry();
const facts = {
  provider,
  accountId: "org-x",
  names: { projects: new Map<string, string>(), apiKeys: new Map<string, string>() },
  lineItems: lineItems(await configFile("openai/line-items.yml")),
};

const ids = fc.constantFrom("proj_a", "proj_b", "p", "x".repeat(1000), null);
/** 10^-12 to 10^12, negative too, also in E notation. */
const amounts = fc.oneof(
  fc
    .bigInt({ min: -(10n ** 24n), max: 10n ** 24n })
    .map((units) => amountText(parseAmount(String(units)).times("1e-12"))),
  fc.integer({ min: -999, max: 999 }).map((value) => `${value}e-12`),
  fc.constantFrom("0", "-0", "0.0", "1e12", "1.23e-7"),
);
const lineItemTexts = fc.constantFrom(
  "gpt-x, input",
  "gpt-x batch, input",
  "gpt-x, cached input",
  "web search tool calls",
  "odd 🚀",
  null,
);

const costResult: fc.Arbitrary<CostResult> = fc.record({
  path: fc.constant("$"),
  projectId: ids,
  apiKeyId: ids,
  amount: amounts,
  currency: fc.constant("usd"),
  lineItem: lineItemTexts,
  quantity: fc.option(fc.nat().map(String)),
  quantityUnit: fc.constantFrom("tokens", "1000_tokens", "duration_hours", "gibibyte_hours", null),
});

const count = fc.nat({ max: 10 ** 9 });
const usageResult: fc.Arbitrary<UsageResult> = fc
  .record({
    projectId: ids,
    apiKeyId: ids,
    uncached: count,
    read: fc.option(count),
    written: fc.option(count),
    output: count,
    audio: fc.option(count),
    isBatch: fc.boolean(),
    tier: fc.constantFrom("default", "auto", "flex", "new-tier", null),
  })
  .map(({ uncached, read, written, output, audio, isBatch, tier, ...ids }) => {
    const tokens: CompletionCounts = {
      input: uncached + (read ?? 0) + (written ?? 0),
      cached: read,
      cacheWrite: written,
      uncached: null,
      output,
      inputAudio: audio,
      inputImage: null,
      cachedAudio: null,
      cachedImage: null,
      outputAudio: null,
      outputImage: null,
    };
    return { path: "$", ...ids, model: "gpt-x", isBatch, tier, variant: null, requests: 1, tokens, quantity: null };
  });

function costDay(results: readonly CostResult[]): CostDay[] {
  return [
    { day: "2028-02-29", startSeconds: Date.UTC(2028, 1, 29) / 1000, endSeconds: Date.UTC(2028, 2, 1) / 1000, results },
  ];
}

function usageDay(results: readonly UsageResult[]): UsageDay[] {
  const endpoint = usageEndpoints.find(({ name }) => name === "completions");
  if (!endpoint) throw new Error("completions is an endpoint");
  return [{ ...costDay([])[0], endpoint, hasTiers: true, results } as UsageDay];
}

const total = (rows: readonly Row[], name: string): Decimal =>
  sumAmounts(rows.map((row) => parseAmount(String(row[name]))));

describe("rows of OpenAI, whatever it answers", () => {
  it("keep the provider's money to the last digit, in raw and in FOCUS rows", () => {
    fc.assert(
      fc.property(fc.array(costResult, { maxLength: 30 }), (results) => {
        const money = sumAmounts(results.map(({ amount }) => parseAmount(amount)));

        const billed = billedRows(costDay(results), facts, findings());
        const focus = openaiFocusRows(
          { provider, accountId: "org-x", accountName: null, days: {}, rows: { genai_billed_daily_raw: billed } },
          facts.lineItems,
        );

        expect(amountText(total(billed, "amount"))).toBe(amountText(money));
        expect(amountText(total(focus.rows["cost_data_standard"] ?? [], "BilledCost"))).toBe(amountText(money));
      }),
      { numRuns: 200 },
    );
  });

  it("keep the rules of FOCUS and have ids of their own", () => {
    fc.assert(
      fc.property(
        fc.array(costResult, { maxLength: 30 }),
        fc.array(usageResult, { maxLength: 5 }),
        (results, usages) => {
          const billed = billedRows(costDay(results), facts, findings());
          const usage = usageRows(usageDay(usages), facts, findings());
          const rows = openaiFocusRows(
            {
              provider,
              accountId: "org-x",
              accountName: null,
              days: {},
              rows: { genai_billed_daily_raw: billed, genai_usage_daily_raw: usage },
            },
            facts.lineItems,
          ).rows["cost_data_standard"];

          expect(rows?.flatMap(focusFaults)).toEqual([]);
          expect(new Set(rows?.map((row) => row["x_row_id"])).size).toBe(rows?.length);
          expect(new Set(billed.map((row) => row.x_source_record_id)).size).toBe(billed.length);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("keep the provider's token totals in disjoint parts", () => {
    fc.assert(
      fc.property(fc.array(usageResult, { maxLength: 30 }), (results) => {
        const rows = usageRows(usageDay(results), facts, findings());

        const sum = (pick: (counts: CompletionCounts) => number) =>
          results.reduce((all, { tokens }) => all + (tokens ? pick(tokens) : 0), 0);
        const column = (...names: string[]) =>
          rows.reduce((all, row) => all + names.reduce((of, name) => of + Number((row as Row)[name]), 0), 0);
        expect(
          column("uncached_input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens"),
        ).toBe(sum(({ input }) => input));
        expect(column("output_tokens")).toBe(sum(({ output }) => output));
        expect(column("total_tokens")).toBe(sum(({ input, output }) => input + output));
        expect(column("quantity")).toBe(column("total_tokens"));
        expect(column("request_count")).toBe(results.length);
      }),
      { numRuns: 200 },
    );
  });

  it("do not depend on the order of the results", () => {
    fc.assert(
      fc.property(
        fc.array(costResult, { maxLength: 20 }),
        fc.array(usageResult, { maxLength: 20 }),
        (costs, usages) => {
          const rows = (turn: boolean) => [
            billedRows(costDay(turn ? [...costs].reverse() : costs), facts, findings()),
            usageRows(usageDay(turn ? [...usages].reverse() : usages), facts, findings()),
          ];

          expect(rows(true)).toEqual(rows(false));
        },
      ),
      { numRuns: 200 },
    );
  });
});
