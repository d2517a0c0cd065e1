import { describe, expect, it, test } from "vitest";
import { amountText } from "#shared/money/amount.ts";
import { bookWith, ownPrice, usageOf } from "./book.fixture.ts";
import type { Terms } from "./price.ts";
import { quotePayg } from "./quote.ts";
import type { PaygUsage } from "./quote-line.ts";

const base: Terms = { input_per_1m: "10", output_per_1m: "20" };

async function rateFor(terms: Terms, usage: Partial<PaygUsage>, meter: string, provider = "openai"): Promise<unknown> {
  const book = await bookWith([ownPrice("m", "2026-01-01", terms, { provider })]);
  const line = quotePayg(book, usageOf(provider, "m", { [meter]: "1" }, usage)).lines[0];
  return line?.rate == null ? "unpriced" : [amountText(line.rate), ...line.assumptions];
}

// prices-and-plans.md A3
describe("a rate that a price does not state", () => {
  test.each<[string, Terms, Partial<PaygUsage>, string, string, unknown]>([
    ["cached input", base, {}, "cached_input", "openai", ["10", "cached_input_as_input"]],
    [
      "cached by percent",
      { ...base, cached_discount_pct: "75" },
      {},
      "cached_input",
      "openai",
      ["2.5", "cached_discount_pct"],
    ],
    ["short write of anthropic", base, {}, "cache_write_5m", "anthropic", ["12.5", "cache_write_rule"]],
    ["long write of anthropic", base, {}, "cache_write_1h", "anthropic", ["20", "cache_write_rule"]],
    ["short write of others", base, {}, "cache_write_5m", "openai", ["10", "cache_write_as_input"]],
    [
      "long write of others",
      { ...base, cache_write_5m_per_1m: "3" },
      {},
      "cache_write_1h",
      "openai",
      ["3", "cache_write_1h_as_5m"],
    ],
    ["reasoning", base, {}, "reasoning_output", "openai", ["20"]],
    ["batch of a vendor at half price", base, { serviceTier: "batch" }, "output", "openai", ["10", "batch_half_price"]],
    ["batch of others", base, { serviceTier: "batch" }, "output", "deepseek", "unpriced"],
    [
      "batch by percent",
      { ...base, batch_discount_pct: "20" },
      { serviceTier: "batch" },
      "output",
      "deepseek",
      ["16", "batch_discount_pct"],
    ],
    ["priority", base, { serviceTier: "priority" }, "input", "openai", "unpriced"],
    ["flex", base, { serviceTier: "flex" }, "input", "openai", "unpriced"],
    ["scale", base, { serviceTier: "scale" }, "input", "openai", "unpriced"],
    ["a tier of an unknown name", base, { serviceTier: "turbo" }, "input", "openai", "unpriced"],
    ["fast without a multiplier", base, { serviceTier: "fast" }, "input", "openai", "unpriced"],
    ["audio", base, {}, "audio_output", "openai", "unpriced"],
    ["a free rate", { input_per_1m: "0", output_per_1m: "0" }, {}, "input", "openai", ["0"]],
  ])("%s", async (_, terms, usage, meter, provider, expected) => {
    expect(await rateFor(terms, usage, meter, provider)).toEqual(expected);
  });

  const long: Terms = {
    ...base,
    tiers: [
      { service_tier: null, above_input_tokens: 200_000, input_per_1m: "15", output_per_1m: "30" },
      { service_tier: "flex", above_input_tokens: null, input_per_1m: "5", output_per_1m: "9" },
    ],
  };
  test.each<[string, Partial<PaygUsage>, unknown]>([
    ["the band above", { contextWindow: "200k-1M" }, ["15"]],
    ["the band below", { contextWindow: "0-200k" }, ["10"]],
    ["a band around the bound", { contextWindow: "128k-1M" }, ["10", "context_unknown"]],
    ["no band", { contextWindow: null }, ["10", "context_unknown"]],
    [
      "a tier without a long row",
      { contextWindow: "200k-1M", serviceTier: "flex" },
      ["5", "long_context_rate_missing"],
    ],
  ])("of a long request, %s", async (_, usage, expected) => {
    expect(await rateFor(long, usage, "input")).toEqual(expected);
  });

  it("is an estimate from an inherited book and on a day before the price was read", async () => {
    const book = await bookWith();
    const line = (provider: string, day: string) =>
      quotePayg(book, usageOf(provider, "gpt-4o", { input: "1" }, { day })).lines[0]?.assumptions;

    expect(line("azure_openai", "2026-08-01")).toEqual(["inherited_book"]);
    expect(line("openai", "2026-07-31")).toEqual(["price_not_verified_for_day"]);
  });
});

describe("versions", () => {
  it("end the day before the next starts, and on their own last day", async () => {
    const rates = (input: string): Terms => ({ input_per_1m: input, output_per_1m: "0" });
    const book = await bookWith([
      ownPrice("m", "2026-01-01", rates("1")),
      ownPrice("m", "2026-02-01", rates("2"), { effectiveTo: "2026-02-28" }),
    ]);
    const on = (day: string) => {
      const rate = quotePayg(book, usageOf("openai", "m", { input: "1" }, { day })).lines[0]?.rate;
      return rate ? amountText(rate) : "unpriced";
    };

    expect(["2025-12-31", "2026-01-01", "2026-01-31", "2026-02-01", "2026-02-28", "2026-03-01"].map(on)).toEqual([
      "unpriced",
      "1",
      "1",
      "2",
      "2",
      "unpriced",
    ]);
  });

  it("of an earlier book version stand as they stood", async () => {
    const withdrawn = ownPrice("m", "2026-01-01", base, { orgVersion: 2, withdrawnOrgVersion: 4 });
    const rateAt = async (version: number) => {
      const book = await bookWith([withdrawn], { version });
      return quotePayg(book, usageOf("openai", "m", { input: "1" })).lines[0]?.rate !== null;
    };

    expect(await Promise.all([1, 2, 3, 4].map(rateAt))).toEqual([false, true, true, false]);
  });

  it("of the exact region win over everywhere, an organization's over the platform's", async () => {
    const own = ownPrice("gpt-4o", "2026-01-01", { input_per_1m: "1", output_per_1m: "1" });
    const local = ownPrice("gpt-4o", "2026-01-01", { input_per_1m: "7", output_per_1m: "7" }, { region: "eu" });
    const book = await bookWith([own, local]);
    const rate = (region: string) => {
      const found = quotePayg(book, usageOf("openai", "gpt-4o", { input: "1" }, { region })).lines[0]?.rate;
      return found && amountText(found);
    };

    expect(["eu", "us"].map(rate)).toEqual(["7", "1"]);
  });
});
