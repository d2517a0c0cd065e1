import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { bookWith, ownPrice } from "./book.fixture.ts";
import { matchModel } from "./model-match.ts";
import { type OrgAlias, priceBook } from "./price-book.ts";
import { shippedPrices } from "./shipped-prices.ts";

const day = "2026-08-02";
const alias = (name: string, modelId: string, provider = "openai"): OrgAlias => ({
  provider,
  alias: name,
  modelId,
  orgVersion: 1,
  removedOrgVersion: null,
});
const own = [
  ownPrice("acme-*", "2026-01-01", { input_per_1m: "1", output_per_1m: "1" }),
  ownPrice("acme-big-*", "2026-01-01", { input_per_1m: "2", output_per_1m: "2" }),
  ownPrice("ft:gpt-4o-mini:*", "2026-01-01", { input_per_1m: "3", output_per_1m: "3" }),
  ownPrice("later", "2026-09-01", { input_per_1m: "1", output_per_1m: "1" }),
  ownPrice("Org/Model v1:@ü", "2026-01-01", { input_per_1m: "1", output_per_1m: "1" }),
];
const aliases = [alias("our-gpt", "gpt-4o"), alias("ft:mine", "gpt-4o"), alias("lab-*", "gpt-4o-mini")];

// prices-and-plans.md A4
describe("matchModel", () => {
  test.each([
    ["openai", "our-gpt", "alias_org", "gpt-4o"],
    ["openai", " GPT-4o ", "exact", "gpt-4o"],
    ["openai", "openai/gpt-4o", "exact", "gpt-4o"],
    ["openai", "models/gpt-4o", "exact", "gpt-4o"],
    ["openai", "ORG/model V1:@u\u0308", "exact", "org/model v1:@ü"],
    ["anthropic", "claude-opus-4-20250514", "alias", "claude-4-opus-20250514"],
    ["anthropic", "claude-opus-5-20260601", "snapshot", "claude-opus-5"],
    ["openai", "gpt-4o-2026-02-28", "snapshot", "gpt-4o"],
    ["openai", "gpt-4o-latest", "snapshot", "gpt-4o"],
    ["openai", "gpt-4o-001", "snapshot", "gpt-4o"],
    ["openai", "gpt-4o-0229", "snapshot", "gpt-4o"],
    ["openai", "our-gpt-20260101", "snapshot", "gpt-4o"],
    ["vertex", "publishers/google/models/gemini-2.5-pro@20260101", "snapshot", "gemini-2.5-pro"],
    ["vertex", "claude-opus-5@20260101", "snapshot", "claude-opus-5"],
    ["bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0", "exact", "claude-haiku-4-5-20251001"],
    ["azure_openai", "gpt-4o", "exact", "gpt-4o"],
    ["openai", "acme-big-one", "prefix", "acme-big-*"],
    ["openai", "acme-small", "prefix", "acme-*"],
    ["openai", "lab-7", "prefix", "gpt-4o-mini"],
    ["openai", "ft:gpt-4o-mini:acme::x", "prefix", "ft:gpt-4o-mini:*"],
  ])("%s %s is found by %s as %s", async (provider, model, rule, modelId) => {
    const book = await bookWith(own, { aliases });

    const match = matchModel(book, { flow: "payg", provider, model, day, region: "global" });

    expect([match?.rule, match?.modelId]).toEqual([rule, modelId]);
  });

  test.each([
    ["openai", "gpt-99"],
    ["openai", "gpt-4o-mini-extra"],
    ["openai", "gpt-4o-min"],
    ["openai", "4o"],
    ["openai", "gpt-4o-20260230"],
    ["openai", "gpt-4o-2025-13-01"],
    ["openai", "gpt-4o-0230"],
    ["openai", "gpt-4o-latest-latest"],
    ["openai", "gpt-4o-20260101-001"],
    ["openai", "ft:gpt-4.1:acme::x"],
    ["openai", "ft:mine"],
    ["openai", "later"],
    ["openai", "acme"],
    ["openai", ""],
    ["openai", "x".repeat(10_240)],
    ["anthropic", "gpt-4o"],
    ["gemini", "claude-opus-5"],
    ["nobody", "gpt-4o"],
  ])("%s %s is unpriced", async (provider, model) => {
    const book = await bookWith(own, { aliases });

    expect(matchModel(book, { flow: "payg", provider, model, day, region: "global" })).toBeUndefined();
  });

  it("gives the same answer whatever the order of the book", async () => {
    const shipped = await shippedPrices();
    const names = ["gpt-4o-2026-02-28", "acme-big-one", "our-gpt", "gpt-5.2-codex", "claude-opus-5", "gpt-99", "lab-7"];
    const answers = (order: (list: readonly unknown[]) => unknown[]): unknown[] => {
      const book = priceBook(
        { ...shipped, number: 1, prices: order(shipped.prices) as typeof shipped.prices },
        { version: 1, prices: order(own) as typeof own, aliases: order(aliases) as typeof aliases },
      );
      return names.map((model) => matchModel(book, { flow: "payg", provider: "openai", model, day, region: "global" }));
    };
    const expected = answers((list) => [...list]);

    fc.assert(
      fc.property(fc.infiniteStream(fc.nat()), (random) => {
        const shuffled = answers((list) =>
          list
            .map((item) => ({ item, place: random.next().value }))
            .sort((a, b) => a.place - b.place)
            .map(({ item }) => item),
        );

        expect(shuffled).toEqual(expected);
      }),
      { numRuns: 20 },
    );
  });
});
