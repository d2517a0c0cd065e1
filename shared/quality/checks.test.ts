import { beforeAll, describe, expect, it } from "vitest";
import { loadTableConfig } from "#shared/bootstrap/load-table-config.ts";
import type { DayPublication, Totals } from "#shared/ledger/ledger.ts";
import { loadMinorDigits, type MinorDigits } from "#shared/money/currencies.ts";
import { inEveryTimeZone } from "#shared/plans/time-zones.fixture.ts";
import { emptyFrame, frameOf } from "#shared/platform/warehouse/frame.ts";
import type { TableDefinition } from "#shared/platform/warehouse/table.ts";
import { checkPublications } from "./checks.ts";
import type { Expectation, Failure } from "./expectation.ts";

const costTable = "cost_data_standard";
const billedTable = "genai_billed_daily_raw";
const day = "2026-03-01";
const source = "cred_1";
let tables: Map<string, TableDefinition>;
let currencies: MinorDigits;

beforeAll(async () => {
  tables = new Map((await loadTableConfig("organizations")).tables.map((table) => [table.name, table]));
  currencies = await loadMinorDigits();
});

type Row = Record<string, unknown>;

/** A row that every built-in check accepts. */
function costRow(change: Row = {}): Row {
  const table = tables.get(costTable);
  const filled = (table?.columns ?? [])
    .filter(({ mode }) => mode === "REQUIRED")
    .map(({ name, type }) => [name, type === "TIMESTAMP" ? `${day}T00:00:00Z` : type === "DATE" ? day : "text"]);
  const amounts = { BilledCost: "1", EffectiveCost: "1", ListCost: "1", ContractedCost: "1", BillingCurrency: "USD" };
  return {
    ...Object.fromEntries(filled),
    ...amounts,
    x_counted: true,
    x_simulated: false,
    x_batch_id: "batch",
    x_row_id: `row ${count++}`,
    ...change,
  };
}
let count = 0;

function publication(rows: readonly Row[], change: Partial<DayPublication> = {}): DayPublication {
  const batches = [{ id: "batch", table: costTable, rows: rows.length, run: "run_1", pulledAt: "" }];
  const billed = rows.reduce((sum, row) => sum + Number(row["BilledCost"]), 0);
  return {
    source,
    day,
    state: rows.length === 0 ? "empty" : "complete",
    pulledFence: 1,
    rows: rows.length,
    totals: rows.length === 0 ? {} : { USD: [String(billed), String(billed)] },
    parts: rows.length === 0 ? {} : { [costTable]: { batches, hash: "h", rows: rows.length } },
    ...change,
  };
}

interface Asked {
  expectations?: readonly Expectation[];
  publications?: readonly DayPublication[];
  published?: Record<string, Totals>;
  billed?: readonly Row[];
}

/** The failures that are found; without `expectations` those of the built-in checks alone. */
async function failuresOf(rows: readonly Row[], asked: Asked = {}): Promise<Failure[]> {
  const { expectations = [], publications = [publication(rows)], published = {}, billed = [] } = asked;
  const daysBefore = (upTo: string): string[] => Object.keys(published).filter((own) => own < upTo);
  const results = await checkPublications(publications, {
    tables,
    written: [costTable],
    expectations,
    read: async (table, parts, columns) => {
      const own = table.name === billedTable ? billed : rows;
      const asks = new Set(parts.flatMap(({ days }) => days));
      const wanted = own.filter((row) => asks.has(String(row["x_charge_date"] ?? row["usage_date"])));
      if (wanted.length === 0) return emptyFrame(table.columns).select(...columns);
      const slim = { ...table, columns: table.columns.map((column) => ({ ...column, mode: "NULLABLE" as const })) };
      return frameOf(slim, wanted).select(...columns);
    },
    baseline: {
      of: (_source, own) => published[own],
      before: (_source, own, days) =>
        daysBefore(own)
          .slice(-days)
          .map((known) => published[known] ?? {}),
    },
    currencies,
    now: new Date("2026-03-02T00:00:00Z"),
  });
  return results.flatMap(({ failures }) => failures);
}

const common = { table: costTable, severity: "error", per: "day" } as const;
const kinds = (failures: readonly Failure[]): string[] => failures.map(({ expectation }) => expectation);

describe("built-in checks (`pipelines.md` 9)", () => {
  it("find nothing wrong with a plain row", async () => {
    expect(await failuresOf([costRow()])).toEqual([]);
  });

  it.each<[string, Row, string]>([
    ["a mandatory column that is empty text", { ServiceName: "" }, "mandatory"],
    ["a currency in lower case", { BillingCurrency: "usd" }, "currency"],
    ["the currency XXX", { BillingCurrency: "XXX" }, "currency"],
    ["a charge beyond tomorrow", { ChargePeriodStart: "2026-03-03T00:00:01Z" }, "future"],
    ["an amount of 10^15", { ListCost: "1000000000000000" }, "amounts"],
    ["an amount of -10^15", { ListCost: "-1000000000000000" }, "amounts"],
  ])("find %s", async (_what, change, expected) => {
    const rows = [costRow(), costRow(change)];

    const found = await failuresOf(rows, { publications: [publication(rows, { totals: totalsOf(rows) })] });

    expect(kinds(found)).toEqual([expected]);
    expect(found[0]).toMatchObject({ day, source, severity: "error", observed: "1 row" });
  });

  it("let negative and the largest amounts pass", async () => {
    const rows = [costRow({ BilledCost: "-3.20" }), costRow({ ListCost: "999999999999999.999999999999" })];

    expect(await failuresOf(rows, { publications: [publication(rows, { totals: { USD: ["-2.2", "2"] } })] })).toEqual(
      [],
    );
  });

  it("find a key that stands twice, also when null", async () => {
    const rows = [costRow({ x_row_id: "same" }), costRow({ x_row_id: "same" }), costRow()];

    expect(await failuresOf(rows)).toMatchObject([{ expectation: "natural_key", offending: ["same"] }]);
  });

  it("find rows and sums that did not come back as they were written", async () => {
    const rows = [costRow()];
    const written = publication(rows, { totals: { USD: ["2", "2"] } });
    const parts = { [costTable]: { ...(written.parts[costTable] ?? { batches: [], hash: "" }), rows: 2 } };

    const found = await failuresOf(rows, { publications: [{ ...written, parts }] });

    expect(found).toMatchObject([
      { expectation: "as_written", observed: "1 rows, 1 USD", bound: "as written: 2 rows, 2 USD" },
    ]);
  });
});

inEveryTimeZone(() => {
  describe("expectations (golden table of `pipelines.md` 9)", () => {
    it("row_count_between: 0 rows fail unless the day is empty", async () => {
      const expectation: Expectation = { ...common, id: "rows", kind: "row_count_between", min: 1 };
      const noRows = publication([], { state: "complete" });

      expect(kinds(await failuresOf([], { expectations: [expectation], publications: [noRows] }))).toEqual(["rows"]);
      expect(await failuresOf([], { expectations: [expectation] })).toEqual([]);
      expect(await failuresOf([costRow()], { expectations: [{ ...expectation, max: 1 }] })).toEqual([]);
      expect(kinds(await failuresOf([costRow(), costRow()], { expectations: [{ ...expectation, max: 1 }] }))).toEqual([
        "rows",
      ]);
    });

    it("not_null: empty text fails, and so does null", async () => {
      const expectation: Expectation = { ...common, id: "named", kind: "not_null", columns: ["SubAccountName"] };

      for (const missing of ["", null]) {
        const rows = [costRow({ SubAccountName: missing }), costRow({ SubAccountName: "a" })];
        expect(kinds(await failuresOf(rows, { expectations: [expectation] }))).toEqual(["named"]);
      }
    });

    it("unique_key: null equals null", async () => {
      const expectation: Expectation = { ...common, id: "once", kind: "unique_key", columns: ["SubAccountId"] };

      expect(kinds(await failuresOf([costRow(), costRow()], { expectations: [expectation] }))).toEqual(["once"]);
      const different = [costRow({ SubAccountId: "a" }), costRow()];
      expect(await failuresOf(different, { expectations: [expectation] })).toEqual([]);
    });

    it("values_in_set: ChargeCategory `usage` fails", async () => {
      const expectation: Expectation = {
        ...common,
        id: "category",
        kind: "values_in_set",
        column: "ChargeCategory",
        values: ["Usage", "Tax"],
      };

      expect(await failuresOf([costRow({ ChargeCategory: "Usage" })], { expectations: [expectation] })).toEqual([]);
      const wrong = await failuresOf([costRow({ ChargeCategory: "usage" })], { expectations: [expectation] });
      expect(kinds(wrong)).toEqual(["category"]);
    });

    it.each([
      ["100.05", "0.05", "0", true],
      ["100.06", "0.05", "0", false],
      ["101", "0", "1", true],
      ["101.000000000001", "0", "1", false],
    ])("sum_close_to: %s against 100 with %s / %s %%: %s", async (amount, tolerance_abs, tolerance_pct, passes) => {
      const expectation: Expectation = {
        ...common,
        id: "sums",
        kind: "sum_close_to",
        column: "BilledCost",
        reference: `${billedTable}.amount`,
        group_by: [],
        tolerance_abs,
        tolerance_pct,
      };
      const rows = [costRow({ BilledCost: amount })];
      const batches = [{ id: "billed", table: billedTable, rows: 1, run: "run_1", pulledAt: "" }];
      const own = publication(rows, { totals: { USD: [amount, "1"] } });
      const publications = [{ ...own, parts: { ...own.parts, [billedTable]: { batches, hash: "h", rows: 1 } } }];
      const billed = [{ usage_date: day, amount: "100" }];

      const found = await failuresOf(rows, { expectations: [expectation], publications, billed });

      expect(kinds(found)).toEqual(passes ? [] : ["sums"]);
    });

    it.each([
      ["25", true],
      ["24.99", false],
      ["400", true],
      ["400.01", false],
    ])("total_change_within: 300 %% of a base of 100 and a total of %s: %s", async (total, passes) => {
      const rows = [costRow({ BilledCost: total })];
      const asked = { publications: [publication(rows, { totals: { USD: [total, "1"] } })] };
      const previous = { published: { [day]: { USD: ["100", "100"] } as Totals } };
      const week = Array.from({ length: 7 }, (_, at) => [`2026-02-${22 + at}`, { USD: ["100", "100"] }] as const);
      const expectation = {
        ...common,
        id: "jump",
        kind: "total_change_within",
        column: "BilledCost",
        days: 14,
      } as const;
      const bounds = { max_pct: "300", min_abs: "0" };

      const toPrevious = await failuresOf(rows, {
        ...asked,
        ...previous,
        expectations: [{ ...expectation, ...bounds, baseline: "previous_publication" }],
      });
      const toMedian = await failuresOf(rows, {
        ...asked,
        published: Object.fromEntries(week) as unknown as Record<string, Totals>,
        expectations: [{ ...expectation, ...bounds, baseline: "trailing_median" }],
      });

      expect([kinds(toPrevious), kinds(toMedian)]).toEqual(passes ? [[], []] : [["jump"], ["jump"]]);
    });

    it("total_change_within: fewer than 7 known days are no base, and a base of 0 warns at most", async () => {
      const rows = [costRow({ BilledCost: "500" })];
      const publications = [publication(rows, { totals: { USD: ["500", "1"] } })];
      const expectation = {
        ...common,
        id: "jump",
        kind: "total_change_within",
        column: "BilledCost",
        days: 14,
      } as const;
      const bounds = { max_pct: "300", min_abs: "0" };
      const six = Array.from({ length: 6 }, (_, at) => [`2026-02-${23 + at}`, { USD: ["1", "1"] }] as const);

      const unknown = await failuresOf(rows, {
        publications,
        published: Object.fromEntries(six) as unknown as Record<string, Totals>,
        expectations: [{ ...expectation, ...bounds, baseline: "trailing_median" }],
      });
      const zero = await failuresOf(rows, {
        publications,
        published: { [day]: {} },
        expectations: [{ ...expectation, ...bounds, baseline: "previous_publication" }],
      });

      expect(unknown).toEqual([]);
      expect(zero).toMatchObject([{ expectation: "jump", severity: "warn" }]);
    });

    const sanity: Expectation = {
      ...common,
      id: "cents",
      kind: "unit_sanity",
      reported: "x_reported",
      computed: "x_computed",
      max_ratio: "10",
      min_abs: "1",
    };
    it.each([
      ["cents as dollars", "4312.50", "43.125", "100"],
      ["405 to 4.05", "405.00", "4.05", "100"],
      ["dollars as cents", "0.0405", "4.05", "0.01"],
      ["opposite signs", "-43.125", "43.125", "-1"],
      ["a plausible difference", "30.00", "4.05", null],
      ["exactly ten times", "40.5", "4.05", null],
      ["too little to tell", "405.00", "0.90", null],
    ])("unit_sanity: %s", async (_what, reported, computed, ratio) => {
      const rows = [costRow({ x_reported: reported, x_computed: computed }), costRow({ x_reported: "1000000" })];

      const found = await failuresOf(rows, { expectations: [sanity] });

      expect(found.map((failure) => [failure.expectation, failure.ratio])).toEqual(
        ratio === null ? [] : [["cents", ratio]],
      );
    });

    it("judges each day of each source by itself, and the whole run where asked", async () => {
      const bad = costRow({ x_charge_date: "2026-03-02", SubAccountName: "" });
      const rows = [costRow({ SubAccountName: "a" }), bad];
      const publications = [
        publication(rows.slice(0, 1)),
        publication(rows.slice(1), { day: "2026-03-02" }),
        publication([], { source: "cred_2" }),
      ];
      const expectation: Expectation = { ...common, id: "named", kind: "not_null", columns: ["SubAccountName"] };

      const daily = await failuresOf(rows, { expectations: [expectation], publications });
      const whole = await failuresOf(rows, { expectations: [{ ...expectation, per: "run" }], publications });

      expect(daily).toMatchObject([{ expectation: "named", source, day: "2026-03-02" }]);
      expect(whole).toMatchObject([{ expectation: "named", source: null, day: null }]);
    });
  });
});

/** By currency, of rows that each have one. */
function totalsOf(rows: readonly Row[]): Totals {
  const totals: Totals = {};
  for (const row of rows) {
    const currency = String(row["BillingCurrency"]);
    const sum = String(Number(totals[currency]?.[0] ?? "0") + Number(row["BilledCost"]));
    totals[currency] = [sum, sum];
  }
  return totals;
}
