import { describe, expect, it, test } from "vitest";
import { amountText, parseAmount, sumAmounts } from "#shared/money/amount.ts";
import { bookWith, ownPrice, usageOf } from "./book.fixture.ts";
import { commitmentCost, infrastructureCost } from "./capacity.ts";
import type { PriceVersion } from "./price.ts";
import { quotePayg } from "./quote.ts";
import type { PaygUsage, QuoteLine } from "./quote-line.ts";

/** `a + b + c = sum`, as the table of A10 writes it. */
function sumText(lines: readonly QuoteLine[], column: "cost" | "listCost"): string {
  const amounts = lines.map((line) => line[column]);
  const shown = amounts.map((amount) => (amount === null ? "unpriced" : amountText(amount)));
  const sum = amountText(sumAmounts(amounts.filter((amount) => amount !== null)));
  return shown.length === 1 ? sum : `${shown.join(" + ")} = ${sum}`;
}

async function priced(usage: PaygUsage, prices: readonly PriceVersion[] = []): Promise<string> {
  return sumText(quotePayg(await bookWith(prices), usage).lines, "cost");
}

const acme = [
  ownPrice("acme-llm", "2026-01-01", { input_per_1m: "1", output_per_1m: "2" }),
  ownPrice("acme-llm", "2026-08-01", { input_per_1m: "0.8", output_per_1m: "1.6" }),
];
const million = { input: "1000000", output: "1000000" };
const at = (rate: string) => [ownPrice("tiny", "2026-01-01", { input_per_1m: rate, output_per_1m: null })];

// prices-and-plans.md A10
describe("the golden vectors of pay-as-you-go", () => {
  test.each<[string, PaygUsage, string, PriceVersion[]?]>([
    ["1", usageOf("openai", "gpt-4o", { input: "1234567", output: "345678" }), "3.0864175 + 3.45678 = 6.5431975"],
    [
      "2",
      usageOf("openai", "gpt-4o", { input: "80000", cached_input: "40000", output: "9000" }),
      "0.2 + 0.05 + 0.09 = 0.34",
    ],
    [
      "3",
      usageOf("anthropic", "claude-opus-5", {
        input: "8625000",
        cached_input: "2000000",
        cache_write_5m: "100000",
        cache_write_1h: "50000",
        output: "640000",
      }),
      "43.125 + 1 + 0.625 + 0.5 + 16 = 61.25",
    ],
    ["4", usageOf("openai", "gpt-4.1", { input: "3000000", output: "500000" }, { serviceTier: "batch" }), "3 + 2 = 5"],
    [
      "5",
      usageOf(
        "anthropic",
        "claude-sonnet-4-6",
        { input: "1000000", cached_input: "400000", output: "200000" },
        { serviceTier: "batch" },
      ),
      "1.5 + 0.06 + 1.5 = 3.06",
    ],
    ["6a", geminiRequest("200000"), "0.25 + 0.01 = 0.26"],
    ["6b", geminiRequest("200001"), "0.5000025 + 0.015 = 0.5150025"],
    [
      "7",
      usageOf(
        "anthropic",
        "claude-sonnet-4-5",
        { input: "1000000", cached_input: "100000", output: "50000" },
        { contextWindow: "200k-1M" },
      ),
      "6 + 0.06 + 1.125 = 7.185",
    ],
    [
      "8",
      usageOf(
        "openai",
        "gpt-5.2",
        { input: "1000000", cached_input: "200000", output: "100000" },
        { serviceTier: "priority" },
      ),
      "3.5 + 0.07 + 2.8 = 6.37",
    ],
    [
      "9",
      usageOf("openai", "o3", { input: "1000000", cached_input: "400000", output: "250000" }, { serviceTier: "flex" }),
      "1 + 0.1 + 1 = 2.1",
    ],
    ["10a", usageOf("openai", "acme-llm", million, { day: "2026-07-31" }), "1 + 2 = 3", acme],
    ["10b", usageOf("openai", "acme-llm", million, { day: "2026-08-01" }), "0.8 + 1.6 = 2.4", acme],
    [
      "12",
      usageOf("openai", "dear", { input: "1200", output: "300" }),
      "6 + 4.5 = 10.5",
      [ownPrice("dear", "2025-01-01", { input_per_1m: "5000", output_per_1m: "15000" })],
    ],
    [
      "13",
      usageOf("anthropic", "claude-opus-5", { input: "333333", output: "77777" }, { region: "us" }),
      "1.8333315 + 2.1388675 = 3.972199",
    ],
    ["19a", usageOf("openai", "tiny", { input: "1" }), "0", at("0.0000005")],
    ["19b", usageOf("openai", "tiny", { input: "1" }), "0.000000000002", at("0.0000015")],
    ["19c", usageOf("openai", "tiny", { input: "1" }), "0.000000000002", at("0.0000025")],
    ["19d", usageOf("openai", "tiny", { input: "1" }), "0.000000000004", at("0.0000035")],
    ["20", usageOf("openai", "gpt-4o", { input: "9007199254740993" }), "22517998136.8524825"],
    ["21a", usageOf("openai", "gpt-99", { input: "1" }), "0"],
    ["22", usageOf("openai", "o3", { audio_input: "1000000", input: "1000000" }), "unpriced + 2 = 2"],
  ])("#%s", async (_, usage, expected, prices = []) => {
    expect(await priced(usage, prices)).toBe(expected);
  });

  it("#5 is an estimate by the vendor's half price, #4 is exact", async () => {
    const book = await bookWith();
    const ruled = quotePayg(book, usageOf("anthropic", "claude-sonnet-4-6", { input: "1" }, { serviceTier: "batch" }));
    const explicit = quotePayg(book, usageOf("openai", "gpt-4.1", { input: "1" }, { serviceTier: "batch" }));

    expect(ruled.lines[0]?.assumptions).toEqual(["batch_half_price"]);
    expect(explicit.lines[0]?.assumptions).toEqual([]);
  });

  it("#11: an override holds from its day on and leaves the list price alone", async () => {
    const patch = ownPrice("gpt-4o-mini", "2026-07-10", { input_per_1m: "0.12" }, { kind: "override" });
    const book = await bookWith([patch]);
    const on = (day: string) =>
      quotePayg(
        book,
        usageOf("openai", "gpt-4o-mini", { input: "10000000", cached_input: "2000000", output: "1000000" }, { day }),
      ).lines;

    expect([sumText(on("2026-07-10"), "cost"), sumText(on("2026-07-10"), "listCost")]).toEqual([
      "1.2 + 0.15 + 0.6 = 1.95",
      "1.5 + 0.15 + 0.6 = 2.25",
    ]);
    expect(sumText(on("2026-07-09"), "cost")).toBe("1.5 + 0.15 + 0.6 = 2.25");
  });

  it.each([
    ["14", { input: "300000" }, "900000", "0.56"],
    ["15", { input: "600000", output: "100000" }, "800000", "1.114285714286 + 0.742857142857 = 1.857142857143"],
  ])("#%s: the volume discount holds for the tokens above the threshold", async (_, tokens, monthToDate, expected) => {
    const terms = {
      input_per_1m: "2",
      output_per_1m: "8",
      volume_threshold_tokens: 1_000_000,
      volume_discount_pct: "10",
    };
    const usage = usageOf("openai", "much", tokens);
    const dayTokens = sumAmounts(Object.values(usage.tokens));
    const zero = parseAmount("0");
    const before = { monthToDateTokens: parseAmount(monthToDate), dayTokens, freeInput: zero, freeOutput: zero };

    expect(await priced({ ...usage, before: () => before }, [ownPrice("much", "2026-01-01", terms)])).toBe(expected);
  });

  it("#21: unknown and fine-tuned models are unpriced, a rate of 0 is a price", async () => {
    const book = await bookWith();
    const costs = [
      usageOf("openai", "gpt-99", { input: "1" }),
      usageOf("openai", "ft:gpt-4o-mini:acme::x", { input: "1" }),
      usageOf("deepseek", "deepseek-v4-pro", { cache_write_5m: "1000000" }),
    ].map((usage) => quotePayg(book, usage).lines[0]?.cost ?? null);

    expect(costs.map((cost) => cost && amountText(cost))).toEqual([null, null, "0"]);
  });
});

function geminiRequest(input: string): PaygUsage {
  return usageOf("gemini", "gemini-2.5-pro", { input, output: "1000" }, { requestInputTokens: parseAmount(input) });
}

describe("the golden vectors of capacity", () => {
  const use = (provisioned: string, used: string) => ({
    provisionedUnits: parseAmount(provisioned),
    usedUnits: parseAmount(used),
    hours: parseAmount("24"),
    dayOfMonth: 1,
    daysOfMonth: 28,
  });

  it("#16: hourly units cost at least the minimum, units beyond them 1.5 times as much", async () => {
    const terms = (await bookWith()).versions("commitment", "azure_openai", "default")[0]?.terms ?? {};

    const over = commitmentCost(terms, use("100", "120"));
    const least = commitmentCost(terms, use("10", "0"));

    expect([over?.committed, over?.overage].map((amount) => amount && amountText(amount))).toEqual(["2400", "720"]);
    expect(least && amountText(least.committed)).toBe("360");
  });

  it("#17: a month's rate is spread over its days without a remainder", () => {
    const days = Array.from({ length: 28 }, (_, index) =>
      commitmentCost({ monthly_rate: "260" }, { ...use("50", "0"), dayOfMonth: index + 1 }),
    ).map((cost) => amountText(cost?.committed ?? parseAmount("0")));

    expect(days).toEqual([...Array(8).fill("464.285714285715"), ...Array(20).fill("464.285714285714")]);
    expect(amountText(sumAmounts(days.map(parseAmount)))).toBe("13000");
  });

  it("#18: spot capacity is discounted from the list price", async () => {
    const terms = (await bookWith()).versions("infrastructure", "gcp_gpu", "a3-highgpu-8g")[0]?.terms ?? {};

    const cost = infrastructureCost(terms, {
      hours: parseAmount("5.5"),
      instances: parseAmount("2"),
      purchase: "spot",
    });

    expect(cost && [cost.list, cost.cost, cost.gpuHours].map(amountText)).toEqual(["973.39", "389.356", "88"]);
    expect(cost && amountText(cost.cost.dividedBy(cost.gpuHours))).toBe("4.4245");
  });
});
