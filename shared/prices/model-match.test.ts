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

interface NameOfAForm {
  provider: string;
  model: string;
  /** Absent: unpriced. */
  rule?: string;
  modelId?: string;
}

/** Names made from shipped models in every form that A4 knows, with what each has to match. */
async function familiesOfNames(): Promise<NameOfAForm[]> {
  const rows = (await shippedPrices()).prices.filter(({ flow }) => flow === "payg");
  const of = (provider: string) =>
    rows.filter((row) => row.provider === provider && !/\d{8}|latest|\d{4}-\d{2}-\d{2}|-\d{3,4}$/.test(row.modelId));
  const [openai, anthropic, gemini] = ["openai", "anthropic", "gemini"].map((name) =>
    of(name)
      .map(({ modelId }) => modelId)
      .slice(0, 12),
  ) as [string[], string[], string[]];
  const ownBooks = { openai, anthropic, gemini };
  const made = (provider: string, ids: string[], form: (id: string) => string, rule?: string): NameOfAForm[] =>
    ids.map((id) => ({ provider, model: form(id), ...(rule === undefined ? {} : { rule, modelId: id }) }));
  const forms: [(id: string) => string, string?][] = [
    [(id) => id, "exact"],
    [(id) => ` models/${id.toUpperCase()} `, "exact"],
    [(id) => `${id}-2026-02-28`, "snapshot"],
    [(id) => `${id}-LATEST`, "snapshot"],
    [(id) => `${id}-2026-02-30`],
    [(id) => `${id}x`],
    [(id) => `${id}${"x".repeat(10_240)}`],
  ];
  return [
    ...Object.entries(ownBooks).flatMap(([provider, ids]) =>
      forms.flatMap(([form, rule]) => made(provider, ids, form, rule)),
    ),
    ...made("bedrock", anthropic, (id) => `us.anthropic.${id}-v1:0`, "exact"),
    ...made("bedrock", anthropic, (id) => `eu.anthropic.${id}-20260101-v2:0`, "snapshot"),
    ...made("vertex", anthropic, (id) => `publishers/anthropic/models/${id}@20260101`, "snapshot"),
    ...made("vertex", gemini, (id) => `publishers/google/models/${id}`, "exact"),
    ...Object.entries(ownBooks).flatMap(([provider, ids]) =>
      // For the tuned gpt-4o-mini the organization has a price.
      made(
        provider,
        ids.filter((id) => id !== "gpt-4o-mini"),
        (id) => `ft:${id}:acme::x`,
      ),
    ),
    ...made("anthropic", openai, (id) => id),
    ...["acme-1", "acme-small-2", "acme-bi"].map((model) => ({
      ...{ provider: "openai", model, rule: "prefix", modelId: "acme-*" },
    })),
  ];
}

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

  it("matches 200 names by the rule of their form, on every run and whatever the order of the book", async () => {
    const shipped = await shippedPrices();
    const names = await familiesOfNames();
    const found = (order: <T>(list: readonly T[]) => T[]): unknown[] => {
      const book = priceBook(
        { ...shipped, number: 1, prices: order(shipped.prices) },
        { version: 1, prices: order(own), aliases: order(aliases) },
      );
      return names.map(({ provider, model }) => {
        const match = matchModel(book, { flow: "payg", provider, model, day, region: "global" });
        return match === undefined ? undefined : [match.rule, match.modelId];
      });
    };
    const expected = names.map(({ rule, modelId }) => (rule === undefined ? undefined : [rule, modelId]));

    expect(names.length).toBeGreaterThanOrEqual(200);
    expect(new Set(names.map(({ rule }) => rule))).toEqual(new Set(["exact", "snapshot", "prefix", undefined]));
    expect(found((list) => [...list])).toEqual(expected);
    expect(found((list) => [...list])).toEqual(expected);
    expect(found((list) => list.toReversed())).toEqual(expected);
    expect(found((list) => [...list.filter((_, at) => at % 3 > 0), ...list.filter((_, at) => at % 3 === 0)])).toEqual(
      expected,
    );
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
