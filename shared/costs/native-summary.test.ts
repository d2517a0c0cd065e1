import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAmount, sumAmounts } from "#shared/money/amount.ts";
import { storeRates } from "#shared/money/fx.fixture.ts";
import { readConfiguration } from "#shared/runtime/config.ts";
import { responseProblems } from "#shared/runtime/schema.ts";
import { goldenPublications } from "./golden-charges.fixture.ts";
import { freshStores, publish, type Stores } from "./publication.fixture.ts";
import { answerSummary } from "./read-summary.ts";
import { march, summary } from "./summary.fixture.ts";
import { NativeSummary } from "./summary-schema.ts";

/** Made once: no test here changes it. */
let golden: Stores;

beforeAll(async () => {
  golden = await freshStores({ now: "2026-03-05T06:00:00Z" });
  for (const publication of goldenPublications()) await publish(golden, publication);
});
afterAll(() => golden.close());

async function native(query: object = {}): Promise<NativeSummary> {
  const config = await readConfiguration({ ENVIRONMENT: "test" });
  const asked = { org: golden.org, query: { ...march, convert: "none" as const, ...query } };
  const answer = JSON.parse(JSON.stringify(await answerSummary(asked, { ...golden, config })));
  expect(await responseProblems(NativeSummary, answer)).toEqual([]);
  return answer as NativeSummary;
}

type Natives = NativeSummary["top_services"][number]["by_currency"];

function sumOf(groups: readonly { by_currency: Natives }[], currency: string): string {
  const own = groups.flatMap(({ by_currency }) => by_currency.filter((sums) => sums.currency === currency));
  return sumAmounts(own.map(({ effective_cost }) => parseAmount(effective_cost))).toFixed();
}

describe("a summary without conversion", () => {
  it("gives every group by currency and no grand total", async () => {
    const answer = await native();

    expect(answer).toMatchObject({ currency: null, fx: [], record_count: 24 });
    expect(Object.keys(answer).filter((name) => name.startsWith("total_"))).toEqual([]);
    // costs.md 11, totals_by_currency
    expect(answer.totals_by_currency.map(({ currency, effective_cost }) => [currency, effective_cost])).toEqual([
      ["EUR", "12.00"],
      ["USD", "130.787932931508"],
    ]);
    const gcp = answer.breakdown_by_provider.find(({ provider }) => provider === "gcp");
    expect(gcp?.by_currency.map(({ currency, effective_cost }) => [currency, effective_cost])).toEqual([
      ["EUR", "8.00"],
      ["USD", "14.893333"],
    ]);
    expect(answer.breakdown_by_provider.find(({ provider }) => provider === "saas")?.members).toHaveLength(2);
  });

  it("adds up to the native totals in every breakdown", async () => {
    const answer = await native({ top: 3 });

    const rest = answer.top_services_remainder;
    for (const { currency, effective_cost } of answer.totals_by_currency) {
      const total = parseAmount(effective_cost).toFixed();
      for (const groups of [
        answer.breakdown_by_provider,
        answer.breakdown_by_category,
        answer.breakdown_by_charge_category,
        answer.daily_trend,
        [...answer.top_services, ...(rest === null ? [] : [rest])],
      ])
        expect(sumOf(groups, currency)).toBe(total);
    }
    expect([answer.top_services.length, rest?.group_count]).toEqual([3, 7]);
  });

  it("needs no rate: nothing is unconverted, and a rate moves no native sum", async () => {
    const before = await native();
    await storeRates(golden.documents, { "2026-03-02": { USD: "1.50" } });
    const after = await native();

    expect(before.completeness.unconverted).toEqual([]);
    expect(after.totals_by_currency).toEqual(before.totals_by_currency);
    expect(after.breakdown_by_provider).toEqual(before.breakdown_by_provider);
    expect((await summary(golden, march)).fx.length).toBeGreaterThan(0);
  });

  it("takes the filters of every summary", async () => {
    const answer = await native({ providers: ["canva"] });

    expect(answer.totals_by_currency.map(({ currency }) => currency)).toEqual(["EUR"]);
    expect(answer.filters).toEqual({ providers: ["canva"] });
  });
});
