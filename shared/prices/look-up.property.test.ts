import fc from "fast-check";
import { expect, it } from "vitest";
import { inEveryTimeZone } from "#shared/plans/time-zones.fixture.ts";
import { ownPrice } from "./book.fixture.ts";
import { type LookUp, priceInForce } from "./look-up.ts";
import type { PriceVersion } from "./price.ts";
import { type PriceBook, priceBook } from "./price-book.ts";

const models = ["acme-1", "acme-2"];
const regions = ["global", "us"];
/** A leap day, the ends of a month and of a year, and their neighbours. */
const days = ["2027-12-31", "2028-01-01", "2028-02-28", "2028-02-29", "2028-03-01", "2028-03-31", "2028-04-01"];

const version = fc
  .record({
    model: fc.constantFrom(...models),
    region: fc.constantFrom(...regions),
    kind: fc.constantFrom("custom" as const, "override" as const),
    from: fc.constantFrom(...days),
    to: fc.option(fc.constantFrom(...days)),
    rate: fc.integer({ min: 0, max: 1000 }),
    withdrawnAt: fc.option(fc.integer({ min: 1, max: 3 }), { freq: 3 }),
  })
  .map(({ model, region, kind, from, to, rate, withdrawnAt }) =>
    ownPrice(
      model,
      from,
      { input_per_1m: String(rate), output_per_1m: null },
      { region, kind, effectiveTo: to !== null && to >= from ? to : null, withdrawnOrgVersion: withdrawnAt },
    ),
  );

/** Two live versions never share key and first day. */
const versions = fc.uniqueArray(version, {
  maxLength: 14,
  selector: ({ modelId, region, kind, effectiveFrom }) => JSON.stringify([modelId, region, kind, effectiveFrom]),
});

const question = fc.record({
  model: fc.constantFrom(...models),
  region: fc.constantFrom(...regions),
  day: fc.constantFrom(...days),
});

const orgVersion = 2;

function bookOf(prices: readonly PriceVersion[]): PriceBook {
  const release = { number: 1, prices: [], aliases: [], multipliers: [], unitPrices: [] };
  return priceBook(release, { version: orgVersion, prices, aliases: [] });
}

/** The rule of A3 in the plainest words, over a list of versions. */
function expected(prices: readonly PriceVersion[], { model, region, day }: Omit<LookUp, "flow" | "provider">) {
  const live = prices.filter(({ withdrawnOrgVersion: gone }) => gone === null || gone > orgVersion);
  const inForce = (kind: PriceVersion["kind"], at: string): PriceVersion | undefined => {
    const started = live
      .filter((price) => price.modelId === model && price.kind === kind && price.region === at)
      .filter((price) => price.effectiveFrom <= day)
      .sort((a, b) => (a.effectiveFrom < b.effectiveFrom ? 1 : -1))[0];
    return started !== undefined && (started.effectiveTo === null || started.effectiveTo >= day) ? started : undefined;
  };
  const of = (kind: PriceVersion["kind"]) => inForce(kind, region) ?? inForce(kind, "global");
  const row = of("custom");
  return row && { row: row.priceId, rate: (of("override") ?? row).terms.input_per_1m };
}

function found(book: PriceBook, asked: Omit<LookUp, "flow" | "provider">) {
  const price = priceInForce(book, { flow: "payg", provider: "openai", ...asked });
  return price && { row: price.row.priceId, rate: price.terms.input_per_1m };
}

inEveryTimeZone(() => {
  it("depends on model, region, day and the book's versions alone: not on their order, nor on what was asked before", () => {
    fc.assert(
      fc.property(versions, fc.array(question, { minLength: 1, maxLength: 8 }), fc.nat(), (prices, questions, seed) => {
        const shuffled = [...prices].sort((a, b) => ((a.priceId.length * seed) % 7) - ((b.priceId.length * seed) % 5));
        const [book, other] = [bookOf(prices), bookOf(shuffled.toReversed())];
        const answers = questions.map((asked) => found(book, asked));

        expect(answers).toEqual(questions.map((asked) => expected(prices, asked)));
        expect(questions.toReversed().map((asked) => found(other, asked))).toEqual(answers.toReversed());
        expect(questions.map((asked) => found(book, asked))).toEqual(answers);
      }),
      { numRuns: 300 },
    );
  });
});
