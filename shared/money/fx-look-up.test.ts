import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { configFile } from "#shared/platform/config-files.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { sqliteDocuments } from "#shared/platform/documents/sqlite-documents.ts";
import { amountText, type Decimal, parseAmount, sumAmounts } from "./amount.ts";
import { type Days, friday, storeRates } from "./fx.fixture.ts";
import { converted, type FxRate, quotient } from "./fx.ts";
import { lookUpRate, type RateQuestion } from "./fx-look-up.ts";
import { fxBook, type OrgFxHead, type OrgFxMonth, type StoredOrgRate } from "./fx-store.ts";

const org = { key: "golden_org" };

function emptyStore(): Documents {
  return sqliteDocuments({
    file: ":memory:",
    clock: { now: () => new Date("2026-07-06T12:00:00Z") },
    declared: async () => declareQueries(await configFile("documents/indexes.yml")),
  });
}

async function stored(days: Days): Promise<Documents> {
  const documents = emptyStore();
  await storeRates(documents, days);
  return documents;
}

async function rateIn(documents: Documents, asked: RateQuestion, version?: string): Promise<FxRate | undefined> {
  return lookUpRate(asked, await fxBook(org, documents, version));
}

async function setOrgRates(documents: Documents, rates: Partial<StoredOrgRate>[], fxVersion = 1): Promise<void> {
  const whole = rates.map((rate) => ({
    from: "GBP",
    to: "USD",
    rate: "1.5",
    validFrom: "2026-07-01",
    validTo: null,
    reason: "treasury",
    createdAt: "2026-07-01T00:00:00.000Z",
    createdBy: "key_1",
    setVersion: 1,
    deletedAt: null,
    deletedBy: null,
    deletedVersion: null,
    ...rate,
  }));
  await documents.transaction(async (tx) => {
    tx.create<OrgFxHead>("orgs/golden_org/fx/current", { fxVersion, months: ["2026-07"] });
    tx.create<OrgFxMonth>("orgs/golden_org/fx/2026-07", { orgId: "org_1", month: "2026-07", rates: whole });
  });
}

describe("golden vectors of prices-and-plans.md D, set of Friday 2026-07-03", () => {
  it.each([
    ["100 GBP -> USD", "100", "GBP", "USD", "1.339678063682", "133.9678063682"],
    ["1234.56 USD -> EUR", "1234.56", "USD", "EUR", "0.877039115945", "1082.757410981059"],
    ["1000 AED -> USD by its peg", "1000", "AED", "USD", "0.272294077604", "272.294077604"],
    ["1000 AED -> GBP by its peg", "1000", "AED", "GBP", "0.203253367347", "203.253367347"],
  ])("%s", async (_, amount, from, to, rate, result) => {
    const documents = await stored(friday);

    for (const [day, carried] of [["2026-07-03", false] as const, ["2026-07-04", true] as const]) {
      const found = await rateIn(documents, { from, to, day });

      expect(found).toMatchObject({
        rate,
        rate_date: "2026-07-03",
        source: "ecb",
        method: "market",
        carried,
        stale: false,
      });
      expect(amountText(converted(parseAmount(amount), parseAmount(found?.rate ?? "0")))).toBe(result);
    }
  });

  it("10 USD + 10 EUR + 10 GBP in USD", async () => {
    const documents = await stored(friday);
    const ten = parseAmount("10");

    const parts: Decimal[] = [ten];
    for (const from of ["EUR", "GBP"]) {
      const found = await rateIn(documents, { from, to: "USD", day: "2026-07-04" });
      parts.push(converted(ten, parseAmount(found?.rate ?? "0")));
    }

    expect(amountText(sumAmounts(parts))).toBe("34.79878063682");
  });

  it("seed 19 EUR -> JPY", async () => {
    const found = await rateIn(emptyStore(), { from: "EUR", to: "JPY", day: "2026-07-03" });

    expect(found).toEqual({
      from: "EUR",
      to: "JPY",
      rate: "162.5",
      rate_date: "2025-12-14",
      source: "seed",
      method: "seed",
      carried: true,
      stale: true,
    });
    expect(amountText(converted(parseAmount("19"), parseAmount("162.5")))).toBe("3087.5");
  });
});

describe("order of the sources", () => {
  const asked = { from: "GBP", to: "USD", day: "2026-07-03" };

  it("takes the organization's own rate, then the bill's, then the market's, then the seed's", async () => {
    const documents = await stored(friday);
    const bill = parseAmount("0.8");

    const market = await rateIn(documents, asked);
    const billed = await rateIn(documents, { ...asked, billRate: bill });
    await setOrgRates(documents, [{}]);
    const own = await rateIn(documents, { ...asked, billRate: bill });
    const seed = await rateIn(emptyStore(), asked);

    expect([market?.method, billed?.method, own?.method, seed?.method]).toEqual(["market", "bill", "org", "seed"]);
    expect(billed).toMatchObject({ rate: "1.25", rate_date: "2026-07-03", carried: false, stale: false });
    expect(own?.rate).toBe("1.5");
  });

  it("holds the organization's rate for exactly its pair and days", async () => {
    const documents = await stored(friday);
    await setOrgRates(documents, [{ validFrom: "2026-07-02", validTo: "2026-07-03" }]);

    const methods = [];
    for (const day of ["2026-07-01", "2026-07-02", "2026-07-03", "2026-07-04"])
      methods.push((await rateIn(documents, { ...asked, day }))?.method);
    const back = await rateIn(documents, { from: "USD", to: "GBP", day: "2026-07-03" });

    expect(methods).toEqual(["market", "org", "org", "market"]);
    expect(back?.method).toBe("market");
  });

  it.each(["0", "-1"])("takes no rate %s of a bill", async (rate) => {
    const found = await rateIn(await stored(friday), { ...asked, billRate: parseAmount(rate) });

    expect(found?.method).toBe("market");
  });

  it("has no rate for a currency in no set, never 1 and never 0", async () => {
    const documents = await stored(friday);

    expect(await rateIn(documents, { from: "VND", to: "USD", day: "2026-07-03" })).toBeUndefined();
    expect(await rateIn(documents, { from: "USD", to: "VND", day: "2026-07-03" })).toBeUndefined();
  });

  it("has no rate where twelve decimals would make it 0", async () => {
    const documents = await stored({ "2026-07-03": { AAA: "10000000000", BBB: "0.000001" } });

    expect(await rateIn(documents, { from: "AAA", to: "BBB", day: "2026-07-03" })).toBeUndefined();
    expect(await rateIn(documents, { from: "BBB", to: "AAA", day: "2026-07-03" })).toBeUndefined();
  });
});

describe("a day without a set", () => {
  const days: Days = { "2026-05-29": { USD: "1.10" }, "2026-07-03": { USD: "1.1402" }, "2026-07-06": { USD: "1.15" } };

  it.each([
    ["2026-07-05", "2026-07-03", true, false],
    ["2026-07-11", "2026-07-06", true, false],
    ["2026-07-12", "2026-07-06", true, true],
    ["2026-06-03", "2026-05-29", true, false],
    ["2026-06-04", "2026-05-29", true, true],
    ["2027-01-01", "2026-07-06", true, true],
    ["2026-05-28", "2026-05-29", false, true],
    ["1999-12-31", "2026-05-29", false, true],
  ])("on %s takes the set of %s (carried %s, stale %s)", async (day, rateDate, carried, stale) => {
    const found = await rateIn(await stored(days), { from: "EUR", to: "USD", day });

    expect(found).toMatchObject({ rate_date: rateDate, carried, stale, method: "market" });
  });

  it("looks past sets that lack one of the currencies", async () => {
    const documents = await stored({ "2026-02-02": { RUB: "90", USD: "1.2" }, ...days });

    const found = await rateIn(documents, { from: "RUB", to: "USD", day: "2026-07-06" });

    expect(found).toMatchObject({ rate_date: "2026-02-02", carried: true, stale: true, rate: "0.013333333333" });
  });
});

describe("versions of the book", () => {
  const asked = { from: "EUR", to: "USD", day: "2026-07-03" };

  it("keeps what is stored; another value is used only when forced, and an older version still sees the first", async () => {
    const documents = await stored(friday);
    const before = (await fxBook(org, documents)).version;

    await storeRates(documents, { "2026-07-03": { USD: "1.2" } });
    const kept = await rateIn(documents, asked);
    await storeRates(documents, { "2026-07-03": { USD: "1.2" } }, { force: true });
    const forced = await rateIn(documents, asked);
    const closed = await rateIn(documents, asked, before);

    expect([kept?.rate, forced?.rate, closed?.rate]).toEqual(["1.1402", "1.2", "1.1402"]);
  });

  it("does not let a later source move what the first one says, only add what it lacks", async () => {
    const documents = await stored(friday);

    await storeRates(documents, { "2026-07-03": { USD: "1.3", VND: "30000" } }, { source: "treasury" });

    expect(await rateIn(documents, asked)).toMatchObject({ rate: "1.1402", source: "ecb" });
    expect(await rateIn(documents, { ...asked, to: "VND" })).toMatchObject({ rate: "30000", source: "treasury" });
  });

  it("shows a version from before a rate was set or taken back as it was", async () => {
    const documents = await stored(friday);
    await setOrgRates(documents, [{ from: "EUR", setVersion: 1, deletedVersion: 2 }], 2);

    const rates = [];
    for (const version of ["m1.o0", "m1.o1", "m1.o2"]) rates.push((await rateIn(documents, asked, version))?.method);

    expect(rates).toEqual(["market", "org", "market"]);
  });

  it.each(["m2.o0", "m1.o1", "1.0", ""])("refuses the version %j that no book had", async (version) => {
    const documents = await stored(friday);

    await expect(fxBook(org, documents, version)).rejects.toMatchObject({ code: "DOCUMENT_INVALID" });
  });
});

describe("properties", () => {
  const rate = fc.integer({ min: 1, max: 99_999_999 }).map((units) => (units / 10_000).toFixed(4));
  const day = fc
    .integer({ min: 0, max: 200 })
    .map((at) => new Date(Date.UTC(2026, 0, 1 + at)).toISOString().slice(0, 10));
  const market = fc.dictionary(day, fc.record({ USD: rate, GBP: rate, JPY: rate }), { minKeys: 1, maxKeys: 6 });
  const currency = fc.constantFrom("EUR", "USD", "GBP", "JPY", "AED");
  const question = fc.record({ from: currency, to: currency, day }).filter(({ from, to }) => from !== to);

  it("depends on pair, day and sets only, whatever was asked or recorded in which order before", async () => {
    await fc.assert(
      fc.asyncProperty(market, fc.array(question, { minLength: 1, maxLength: 5 }), async (days, questions) => {
        const forwards = await stored(days);
        const backwards = emptyStore();
        for (const [each, rates] of Object.entries(days).reverse()) await storeRates(backwards, { [each]: rates });
        const shared = await fxBook(org, forwards);

        for (const asked of questions) {
          const found = await lookUpRate(asked, shared);
          expect(await rateIn(backwards, asked)).toEqual(found);
          const at = Object.keys(days).sort();
          const expected = at.findLast((each) => each <= asked.day) ?? at[0];
          expect(found?.rate_date).toBe(expected);
        }
        await Promise.all([forwards.close(), backwards.close()]);
      }),
      { numRuns: 25 },
    );
  });

  it("converts there and back to within the rounding of the two rates", () => {
    const units = fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n });
    fc.assert(
      fc.property(units, rate, rate, (unit, a, b) => {
        const amount = parseAmount(`${unit}e-12`);
        const there = quotient(parseAmount(b), parseAmount(a));
        const back = quotient(parseAmount(a), parseAmount(b));
        if (there === undefined || back === undefined) return;

        const returned = converted(converted(amount, there), back);

        // Half a unit of 1e-12 in each rate, relative to the rate, and in each product.
        const half = parseAmount("5e-13");
        const bound = amount
          .abs()
          .times(half.div(there).plus(half.div(back)).times(2))
          .plus(half.times(back.plus(2)));
        expect(returned.minus(amount).abs().lte(bound)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
