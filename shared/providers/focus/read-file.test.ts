import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import pl from "nodejs-polars";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { amountText, parseAmount, roundAmount, sumAmounts } from "#shared/money/amount.ts";
import { heldBytes } from "./delivered-bytes.ts";
import { charge, chargeOn, csvOf } from "./fixtures/focus-csv.ts";
import { type FocusFile, type ReadingWork, readFocusFile } from "./read-file.ts";

const signal = new AbortController().signal;

function read(bytes: Buffer, work: Partial<ReadingWork> = {}, file: Partial<FocusFile> = {}) {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const given = {
    content: heldBytes(bytes),
    sha256,
    uri: "imports/test",
    vendorName: null,
    provider: "focus",
    isCloud: false,
  };
  return readFocusFile({ ...given, control: { rows: null, total: null }, ...file }, { signal, ...work });
}

const withValue = (column: string, value: string) => csvOf([charge, { ...charge, [column]: value }]);

describe("a row that cannot be used", () => {
  test.each<[string, string, string]>([
    ["BilledCost", "NaN", "decimal"],
    ["BilledCost", "Infinity", "decimal"],
    ["ListCost", "1,234.5", "decimal"],
    ["EffectiveCost", "$1", "decimal"],
    ["BilledCost", "1e26", "decimal"],
    ["BilledCost", "1000000000000000", "amount_range"],
    ["BilledCost", "", "required"],
    ["BillingAccountId", "NULL", "required"],
    ["BillingCurrency", "usd", "currency"],
    ["BillingCurrency", "XXX", "currency"],
    ["ChargeCategory", "usage", "value"],
    ["ChargeClass", "None", "value"],
    ["ChargePeriodStart", "yesterday", "instant"],
    ["ChargePeriodEnd", "2026-06-10T00:00:00Z", "period"],
    ["BillingPeriodEnd", "2026-05-01T00:00:00Z", "period"],
    ["Tags", "env=prod", "json_object"],
    ["Tags", "[1]", "json_object"],
  ])("by its %s %j is shown with its number and the rule %s", async (column, value, rule) => {
    const report = await read(withValue(column, value));

    expect(report.errorCount).toBe(1);
    expect(report.errors).toEqual([
      { row: 2, column, rule, value_excerpt: ["", "NULL"].includes(value) ? null : value },
    ]);
  });

  test("hands no row over, and the rest of the file is still checked", async () => {
    let parts = 0;

    const report = await read(csvOf(Array.from({ length: 150 }, () => ({ ...charge, BilledCost: "x" }))), {
      write: async () => {
        parts += 1;
      },
    });

    expect(report.errorCount).toBe(150);
    expect(report.errors).toHaveLength(100);
    expect(parts).toBe(0);
  });
});

describe("a file that cannot be read", () => {
  const header = Object.keys(charge).join(",");
  const row = Object.values(charge)
    .map((value) => `"${value.replaceAll('"', '""')}"`)
    .join(",");
  test.each<[string, () => Buffer, string]>([
    ["is empty", () => Buffer.alloc(0), "empty_file"],
    ["has a header only", () => Buffer.from(`${header}\n`), "no_rows"],
    ["is no UTF-8", () => Buffer.concat([csvOf([charge]), Buffer.from([0xc3, 0x28, 0x0a])]), "utf8"],
    ["is UTF-16", () => Buffer.from(`\ufeff${header}\n`, "utf16le"), "utf8"],
    ["has a line of more than 1 MiB", () => withValue("ResourceId", "x".repeat(1_100_000)), "line_limit"],
    [
      "breaks off in a record",
      () => Buffer.from(`${header}\n${row}\n${row.split(",").slice(0, 3).join(",")}`),
      "cut_off",
    ],
    ["breaks off in a quoted field", () => Buffer.from(`${header}\n${row}\n"acc`), "csv"],
    ["has a field too many", () => Buffer.from(`${header}\n${row},"more"\n`), "record_length"],
    ["is a zip", () => Buffer.from([0x50, 0x4b, 0x03, 0x04, 0, 0]), "file_form"],
    ["is half a gzip", () => gzipSync(csvOf([charge, charge])).subarray(0, 200), "gzip"],
    ["is a bomb", () => gzipSync(Buffer.alloc(80 * 1024 * 1024, "a,b,c\n")), "inflation_limit"],
    ["only calls itself Parquet", () => Buffer.from("PAR1 and nothing more"), "parquet"],
  ])("because it %s is refused", async (_, file, rule) => {
    const report = await read(file());

    expect(report.errors.map((error) => error.rule)).toEqual([rule]);
  });

  test.each<[string, Record<string, string[]>]>([
    ["whose header is refused", { Unknown: ["1"] }],
    ["whose rows are refused", Object.fromEntries(Object.keys(charge).map((name) => [name, ["x"]]))],
  ])("leaves nothing in the temporary folder, as Parquet %s", async (_, columns) => {
    const folder = await mkdtemp(join(tmpdir(), "read-file-"));
    vi.stubEnv("TMPDIR", folder);
    onTestFinished(async () => {
      vi.unstubAllEnvs();
      await rm(folder, { recursive: true });
    });

    const report = await read(pl.DataFrame(columns).writeParquet());

    expect(report.errorCount).toBeGreaterThan(0);
    expect(await readdir(folder)).toEqual([]);
  });

  test("names the byte that is no UTF-8", async () => {
    const start = csvOf([charge]);

    await expect(read(Buffer.concat([start, Buffer.from("ü\xff", "latin1")]))).resolves.toMatchObject({
      errors: [{ rule: "utf8" }],
    });
  });
});

test("amounts are what the decimal room makes of them, whatever their notation", async () => {
  const digits = fc.bigInt({ min: -(10n ** 26n), max: 10n ** 26n });
  const literal = fc.oneof(
    fc.tuple(digits, fc.nat(24)).map(([whole, places]) => plainText(whole, places + 12)),
    fc
      .tuple(fc.bigInt({ min: -(10n ** 14n), max: 10n ** 14n }), fc.integer({ min: -30, max: 0 }))
      .map(([m, e]) => `${m}E${e}`),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(literal, { minLength: 1, maxLength: 40 }), async (amounts) => {
      const records = amounts.map((amount) => ({ ...charge, BilledCost: amount, EffectiveCost: amount }));

      const report = await read(csvOf(records));

      const exact = amountText(sumAmounts(amounts.map((amount) => roundAmount(parseAmount(amount)))));
      expect(report.errors).toEqual([]);
      expect(report.totals["USD"]).toEqual([exact, exact]);
    }),
    { numRuns: 15 },
  );
});

/** Digits with so many of them behind the point. */
function plainText(whole: bigint, places: number): string {
  const text = String(whole < 0n ? -whole : whole).padStart(places + 1, "0");
  return `${whole < 0n ? "-" : ""}${text.slice(0, -places)}.${text.slice(-places)}`;
}

test("what is filled is counted, and what breaks a rule of FOCUS is found with its first row", async () => {
  const { ContractedCost, PublisherName, ...others } = charge;
  const records = [others, { ...others, ConsumedUnit: "" }, { ...others, ServiceCategory: "" }];

  const report = await read(csvOf(records));

  expect(report.filled).toMatchObject({
    ContractedCost: 3,
    PublisherName: 3,
    ServiceCategory: 1,
    ServiceSubcategory: 3,
  });
  expect(report.findings).toContainEqual({ code: "focus_rule_6", path: "ConsumedUnit", count: 1, first: "row 2" });
});

test("the vendor's name stands in for providers that rows do not name", async () => {
  const { ProviderName, PublisherName, InvoiceIssuerName, ...others } = charge;

  const report = await read(csvOf([others]), {}, { vendorName: "Hetzner" });

  expect(report).toMatchObject({ vendor: "Hetzner", filled: { ProviderName: 1, InvoiceIssuerName: 1 } });
});

test("parts are cut by rows of a period, and their days add up to the file", async () => {
  const parts: { table: string; rows: number; source: string }[] = [];
  const records = [
    chargeOn("2026-06-30", "1"),
    chargeOn("2026-06-30", "2", "2026-07"),
    chargeOn("2026-07-01", "4", "2026-07"),
  ];

  await read(csvOf(records), {
    write: async ({ table, rows, sourcePart }) => {
      parts.push({ table, rows, source: sourcePart });
    },
  });

  expect(parts).toEqual([
    { table: "cost_data_standard", rows: 1, source: "2026-06" },
    { table: "focus_import_daily_raw", rows: 1, source: "2026-06" },
    { table: "cost_data_standard", rows: 2, source: "2026-07" },
    { table: "focus_import_daily_raw", rows: 2, source: "2026-07" },
  ]);
});
