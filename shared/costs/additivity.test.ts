import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PublishedMonth } from "#shared/ledger/current-batches.ts";
import { parseAmount } from "#shared/money/amount.ts";
import { one } from "#shared/money/fx.ts";
import { frameOf } from "#shared/platform/warehouse/frame.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { sourcesReport } from "./completeness.ts";
import type { Conversion } from "./conversion.ts";
import { daysBetween } from "./dates.ts";
import { type CostFilters, categories, chargeCategories } from "./filters.ts";
import { buildMonthFrame, type MonthFrame } from "./month-frame.ts";
import { platformFacts } from "./platform-facts.ts";
import { readGroups } from "./read-groups.ts";
import { costSummary } from "./summary.ts";
import { type Basis, bases } from "./sums.ts";

/** Amounts in units of 10^-12. */
interface Row {
  day: string;
  provider: string;
  category: string;
  service: string;
  charge: string;
  isCorrection: boolean;
  currency: string;
  isCounted: boolean;
  billed: bigint;
  effective: bigint;
  list: bigint;
  contracted: bigint;
  /** Of a converted row: its own effective cost was not 0, whatever the rate makes of it. */
  hasEffect?: boolean;
}

const facts = await platformFacts();
const range = { start: "2026-02-27", end: "2026-03-02", days: 4, label: "custom" };
const months = ["2026-02", "2026-03"];
const euroRates = new Map([
  ["EUR", one],
  ["USD", parseAmount("1.085")],
  ["JPY", parseAmount("162.2074")],
]);

const amount = fc.oneof(
  fc.constantFrom(0n, 1n, -1n, 10n ** 26n, -(10n ** 26n)),
  fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }),
  fc.bigInt({ min: -(10n ** 26n), max: 10n ** 26n }),
);
const row: fc.Arbitrary<Row> = fc.record({
  day: fc.constantFrom("2026-02-26", "2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02", "2026-03-03"),
  provider: fc.constantFrom("gcp", "openai", "slack"),
  category: fc.constantFrom(...categories),
  service: fc.constantFrom("Compute", "Zürich", "\u{1F4A1} Light", "\uFF21 Wide"),
  charge: fc.constantFrom(...chargeCategories),
  isCorrection: fc.boolean(),
  currency: fc.constantFrom("USD", "USD", "EUR", "JPY", "VND"),
  isCounted: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  billed: amount,
  effective: amount,
  list: amount,
  contracted: amount,
});
const filters: fc.Arbitrary<CostFilters> = fc.record(
  {
    providers: fc.uniqueArray(fc.constantFrom("gcp", "openai", "none"), { minLength: 1 }),
    categories: fc.uniqueArray(fc.constantFrom(...categories), { minLength: 1 }),
    services: fc.uniqueArray(fc.constantFrom("Zürich", "Compute"), { minLength: 1 }),
    charge_categories: fc.uniqueArray(fc.constantFrom(...chargeCategories), { minLength: 1 }),
  },
  { requiredKeys: [] },
);
const question = fc.record({
  rows: fc.array(row, { maxLength: 40 }),
  filters: fc.oneof(fc.constant({}), filters),
  basis: fc.constantFrom(...bases),
  top: fc.integer({ min: 1, max: 5 }),
});

function decimalText(units: bigint): string {
  const digits = String(units < 0n ? -units : units).padStart(13, "0");
  return `${units < 0n ? "-" : ""}${digits.slice(0, -12)}.${digits.slice(-12)}`;
}

/** As costs.md 4 shows dollars, written from the digits. */
function dollars(units: bigint): string {
  return decimalText(units).replace(/(\.\d\d\d*?)0+$/, "$1");
}

/** Dollars for one unit, in units of 10^-12; nobody has a rate for dong. */
const dollarRates: Readonly<Record<string, bigint>> = { USD: 10n ** 12n, EUR: 1_085_000_000_000n, JPY: 6_688_967_334n };

/** The same by the book: yen are 162.2074 per euro. */
const conversion: Conversion = {
  currency: "USD",
  book: {
    version: "m1.o0",
    orgRates: async () => [],
    seed: { day: "2025-12-14", base: "USD", source: "seed", rates: new Map() },
    market: {
      months: ["2026-02"],
      currencies: new Set(["EUR", "USD", "JPY"]),
      days: async () => [[{ day: "2026-02-02", base: "EUR", source: "ecb", rates: euroRates }]],
    },
  },
};

/** amount x rate, half to even at 12 decimals, by whole numbers. */
function inDollars(amountUnits: bigint, currency: string): bigint {
  const product = amountUnits * (dollarRates[currency] ?? 0n);
  const size = product < 0n ? -product : product;
  const [whole, rest] = [size / 10n ** 12n, size % 10n ** 12n];
  const half = 5n * 10n ** 11n;
  const rounded = rest > half || (rest === half && whole % 2n === 1n) ? whole + 1n : whole;
  return product < 0n ? -rounded : rounded;
}

/** The row as the answer counts it. */
function convertedRow(charge: Row): Row {
  return {
    ...charge,
    hasEffect: charge.effective !== 0n,
    billed: inDollars(charge.billed, charge.currency),
    effective: inDollars(charge.effective, charge.currency),
    list: inDollars(charge.list, charge.currency),
    contracted: inDollars(charge.contracted, charge.currency),
  };
}

async function frameOfMonth(month: string, rows: readonly Row[]): Promise<MonthFrame> {
  const own = rows.filter(({ day }) => day.startsWith(month));
  const columns = facts.costTable.columns.filter(({ name }) => usedColumns.includes(name));
  const stored = frameOf({ ...facts.costTable, columns }, own.map(storedRow));
  const warehouse: Pick<Warehouse, "read"> = { read: async (_source, _parts, names) => stored.select(...names) };
  const published: PublishedMonth = {
    month,
    epoch: 1,
    version: 1,
    days: own
      .filter(({ isCounted }) => isCounted)
      .map((charge) => ({
        pipelineId: "p",
        source: "s",
        day: charge.day,
        state: "complete",
        rows: 1,
        totals: { [charge.currency]: [decimalText(charge.billed), decimalText(charge.effective)] },
        batches: { cost_data_standard: ["b"] },
        publishedAt: "2026-03-05T00:00:00.000Z",
      })),
  };
  const source = { datasetId: "d", table: facts.costTable };
  return buildMonthFrame(published, source, { warehouse: warehouse as Warehouse, conversion });
}

const usedColumns = [
  ...["BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "BillingCurrency", "ChargeCategory", "ChargeClass"],
  ...["ServiceName", "ServiceCategory", "x_charge_date", "x_provider", "x_category", "x_counted", "x_pipeline_id"],
  ...["x_source", "x_simulated", "x_currency_conversion_rate"],
];

function storedRow(charge: Row): Record<string, unknown> {
  return {
    BilledCost: decimalText(charge.billed),
    EffectiveCost: decimalText(charge.effective),
    ListCost: decimalText(charge.list),
    ContractedCost: decimalText(charge.contracted),
    BillingCurrency: charge.currency,
    ChargeCategory: charge.charge,
    ChargeClass: charge.isCorrection ? "Correction" : null,
    ServiceName: charge.service,
    ServiceCategory: "Other",
    x_charge_date: charge.day,
    x_provider: charge.provider,
    x_category: charge.category,
    x_counted: charge.isCounted,
    x_pipeline_id: "p",
    x_source: "s",
    x_simulated: false,
  };
}

async function answerTo(asked: { rows: readonly Row[]; filters: CostFilters; basis: Basis; top: number }) {
  const frames = new Map<string, MonthFrame>();
  for (const month of months) frames.set(month, await frameOfMonth(month, asked.rows));
  const published = months.map((month) => ({ month, epoch: 1, version: 1, days: [] }));
  const groups = await readGroups(published, { range, filters: asked.filters }, ({ month }) => ({
    first: `${month}-01`,
    last: `${month}-31`,
    frame: async () => {
      const frame = frames.get(month);
      if (frame === undefined) throw new Error("no such month");
      return frame;
    },
    groups: (_name, make) => make(),
  }));
  return costSummary({
    orgSlug: "golden_org",
    currency: "USD",
    basis: asked.basis,
    top: asked.top,
    range,
    asOf: null,
    today: "2026-03-05",
    filters: asked.filters,
    unknownFilters: {},
    groups,
    sources: sourcesReport([], [], range, "2026-03-05"),
    unpriced: { rows: 0, tokens: "0", requests: 0, items: [] },
    ledgerVersions: {},
    minorDigits: facts.minorDigits,
    providerName: facts.providerName,
  });
}

/** The rows that count, chosen the plain way. */
function chosen(rows: readonly Row[], asked: CostFilters): Row[] {
  const has = (values: string[] | undefined, value: string): boolean => values?.includes(value) ?? true;
  return rows.filter(
    (charge) =>
      charge.isCounted &&
      charge.day >= range.start &&
      charge.day <= range.end &&
      has(asked.providers, charge.provider) &&
      has(asked.categories, charge.category) &&
      has(asked.services, charge.service) &&
      has(asked.charge_categories, charge.charge),
  );
}

function sum(rows: readonly Row[], of: (charge: Row) => bigint): bigint {
  return rows.reduce((total, charge) => total + of(charge), 0n);
}

function shown(rows: readonly Row[], basis: Basis) {
  const saving = rows.filter(
    ({ charge, isCorrection, effective, hasEffect = effective !== 0n }) =>
      !isCorrection && (charge === "Usage" || (charge === "Purchase" && hasEffect)),
  );
  const credits = rows.filter(({ charge }) => charge === "Credit");
  return {
    total_cost: dollars(sum(rows, (charge) => charge[basis])),
    billed_cost: dollars(sum(rows, ({ billed }) => billed)),
    effective_cost: dollars(sum(rows, ({ effective }) => effective)),
    list_cost: dollars(sum(rows, ({ list }) => list)),
    contracted_cost: dollars(sum(rows, ({ contracted }) => contracted)),
    savings: dollars(sum(saving, ({ list, effective }) => list - effective)),
    credits: dollars(sum(credits, ({ billed }) => billed)),
    record_count: rows.length,
  };
}

describe("every sum is the exact sum of its rows", () => {
  it("equals a reference of whole numbers and adds up to the total in every dimension, filter and basis", async () => {
    await fc.assert(
      fc.asyncProperty(question, async (asked) => {
        const answer = await answerTo(asked);
        const all = chosen(asked.rows, asked.filters);
        const rows = all.filter(({ currency }) => currency !== "VND").map(convertedRow);
        const expected = shown(rows, asked.basis);

        expect([answer.total_cost, answer.total_billed_cost, answer.total_savings, answer.total_credits]).toEqual([
          expected.total_cost,
          expected.billed_cost,
          expected.savings,
          expected.credits,
        ]);
        for (const group of answer.breakdown_by_provider) {
          const isOf = (charge: Row, provider: string): boolean =>
            group.members === undefined
              ? charge.category !== "saas" && charge.provider === provider
              : charge.category === "saas" && (provider === "saas" || charge.provider === provider);
          for (const part of [group, ...(group.members ?? [])])
            expect(part).toMatchObject(
              shown(
                rows.filter((charge) => isOf(charge, part.provider)),
                asked.basis,
              ),
            );
        }
        for (const group of answer.breakdown_by_category)
          expect(group).toMatchObject(
            shown(
              rows.filter(({ category }) => category === group.category),
              asked.basis,
            ),
          );
        for (const group of answer.breakdown_by_charge_category)
          expect(group).toMatchObject(
            shown(
              rows.filter(({ charge }) => charge === group.charge_category),
              asked.basis,
            ),
          );
        for (const group of answer.top_services)
          expect(group).toMatchObject(
            shown(
              rows.filter((charge) => charge.provider === group.provider && charge.service === group.service),
              asked.basis,
            ),
          );
        for (const day of answer.daily_trend) {
          const { total_cost, billed_cost, effective_cost } = shown(
            rows.filter((charge) => charge.day === day.date),
            asked.basis,
          );
          expect(day).toMatchObject({ total_cost, billed_cost, effective_cost });
        }
        expect(answer.completeness.unconverted.map(({ currency }) => currency)).toEqual(
          all.some(({ currency }) => currency === "VND") ? ["VND"] : [],
        );
        expect(new Set(answer.fx.map(({ from }) => from))).toEqual(
          new Set(["EUR", "JPY"].filter((code) => all.some(({ currency }) => currency === code))),
        );
        expect(answer.totals_by_currency.map(({ currency, billed_cost }) => [currency, units(billed_cost)])).toEqual(
          ["EUR", "JPY", "USD", "VND"]
            .map((code) => [code, all.filter(({ currency }) => currency === code)] as const)
            .filter(([, own]) => own.length > 0)
            .map(([code, own]) => [code, sum(own, ({ billed }) => billed)]),
        );

        const parts = [
          answer.breakdown_by_provider,
          answer.breakdown_by_category,
          answer.breakdown_by_charge_category,
          [...answer.top_services, ...(answer.top_services_remainder ? [answer.top_services_remainder] : [])],
          answer.daily_trend,
        ];
        for (const groups of parts) {
          expect(dollars(groups.reduce((total, { total_cost }) => total + units(total_cost), 0n))).toBe(
            answer.total_cost,
          );
        }
        expect(answer.top_services.length).toBeLessThanOrEqual(asked.top);
        expect(answer.daily_trend.map(({ date }) => date)).toEqual(daysBetween(range.start, range.end));
      }),
      { numRuns: 30 },
    );
  }, 120_000);

  it("does not depend on the order of the rows", async () => {
    await fc.assert(
      fc.asyncProperty(question, fc.infiniteStream(fc.nat()), async (asked, keys) => {
        const shuffled = asked.rows
          .map((charge) => ({ charge, key: keys.next().value ?? 0 }))
          .sort((a, b) => a.key - b.key)
          .map(({ charge }) => charge);

        expect(await answerTo({ ...asked, rows: shuffled })).toEqual(await answerTo(asked));
      }),
      { numRuns: 8 },
    );
  }, 120_000);
});

function units(text: string): bigint {
  const [whole = "", fraction = ""] = text.replace("-", "").split(".");
  const size = BigInt(whole + fraction.padEnd(12, "0"));
  return text.startsWith("-") ? -size : size;
}
