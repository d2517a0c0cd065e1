import { existsSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import pl from "nodejs-polars";
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { closeAsItStands } from "#scripts/e2e/closed-month.fixture.ts";
import { readSummary } from "#shared/costs/read-summary.ts";
import { publishedMonth } from "#shared/ledger/current-batches.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { runPath } from "#shared/pipelines/run-paths.ts";
import { charge, chargeOn, csvOf } from "#shared/providers/focus/fixtures/focus-csv.ts";
import { type FocusWorld, startFocusWorld } from "./focus-imports.fixture.ts";

const sample = new URL("../../../shared/data/focus-sample/focus_sample.csv", import.meta.url);
const hasSample = existsSync(sample);
if (!hasSample) console.warn(`SKIPPED: the FOCUS sample is not at ${sample.pathname}`);

let focus: FocusWorld;
beforeEach(async () => {
  focus = await startFocusWorld();
  onTestFinished(() => focus.world.stop());
});
afterAll(() => {
  if (!hasSample) console.warn("The tests over the FOCUS sample did not run.");
});

const costs = (month = "2026-06") => focus.rows("cost_data_standard", month);
const sorted = (rows: Record<string, unknown>[], by: string) =>
  rows.toSorted((one, other) => (String(one[by]) < String(other[by]) ? -1 : 1));

describe.skipIf(!hasSample)("the FOCUS sample", () => {
  it("is published to the last digit, and delivered again it changes nothing", async () => {
    const bytes = readFileSync(sample);

    const first = await focus.imported(bytes, { control_rows: 1000, control_total: "20.52022672899" });
    const version = await focus.version("2024-09");
    const again = await focus.delivered(bytes);
    const packed = await focus.imported(gzipSync(bytes));

    expect(first).toMatchObject({ status: "COMPLETED", rows: 1000, focus_version: "1.0", error_count: 0 });
    expect(first.totals).toEqual([
      { currency: "USD", billed_cost: "20.52022672899", effective_cost: "14.97651418586" },
    ]);
    expect(again).toMatchObject({ status: 200, body: { duplicate: true, import_id: first.import_id } });
    expect(packed.status).toBe("COMPLETED");
    expect(await focus.version("2024-09")).toBe(version);
    const query = { start_date: "2024-09-01", end_date: "2024-09-30" };
    const summary = await readSummary({ org: focus.org, query }, focus.ports);
    expect(summary).toMatchObject({ total_billed_cost: "20.52022672899", total_effective_cost: "14.97651418586" });
    expect(summary.record_count).toBe(1000);
  });
});

describe("the worked examples of provider-adapters.md 3.9", () => {
  it("AWS 1.2: the charge of 30 June at 23:00 keeps its digits and its tags", async () => {
    const record = {
      ...charge,
      BilledCost: "0.0000001234567",
      ListCost: "1.5E-7",
      BillingPeriodStart: "2026-06-01T00:00:00.000Z",
      ChargePeriodStart: "2026-06-30T23:00:00.000Z",
      ChargePeriodEnd: "2026-07-01T00:00:00.000Z",
      Tags: '{"user:env":"prod"}',
      InvoiceId: "INV-1",
    };

    const imported = await focus.imported(csvOf([record]));

    expect(imported).toMatchObject({ status: "COMPLETED", focus_version: "1.2", billing_periods: ["2026-06"] });
    const [row] = await costs();
    expect(row).toMatchObject({
      BilledCost: "0.000000123457",
      ListCost: "0.00000015",
      ServiceProviderName: "AWS",
      Tags: { "user:env": "prod" },
      x_charge_date: "2026-06-30",
      x_source: `${focus.credentialId}/2026-06`,
      x_provider: "focus",
      x_category: "other",
      x_cost_basis: "imported",
      x_counted: true,
      x_simulated: false,
    });
  });

  it("OCI: preview names are read, its own columns are kept", async () => {
    const { ProviderName, PublisherName, ContractedCost, ListCost, ConsumedQuantity, ConsumedUnit, ...others } = charge;
    const record = {
      ...others,
      Provider: "Oracle",
      Region: "eu-frankfurt-1",
      UsageQuantity: "10",
      UsageUnit: "GB-Hours",
      BilledCost: "2",
      EffectiveCost: "2",
      oci_CompartmentId: "ocid1.x",
    };

    const imported = await focus.imported(csvOf([record]));

    const [row] = await costs();
    expect(row).toMatchObject({
      ProviderName: "Oracle",
      RegionId: "eu-frankfurt-1",
      ConsumedQuantity: "10",
      ConsumedUnit: "GB-Hours",
      ContractedCost: "2",
      x_extra: { oci_CompartmentId: "ocid1.x" },
    });
    expect(imported.filled["ContractedCost"]).toBe(1);
    expect(imported.renamed).toMatchObject({ Provider: "ProviderName", Region: "RegionId" });
    const [raw] = await focus.rows("focus_import_daily_raw", "2026-06");
    expect(raw).toMatchObject({
      vendor: "Oracle",
      row_number: 1,
      record: { oci_CompartmentId: "ocid1.x", Provider: "Oracle", UsageQuantity: "10" },
    });
  });
});

describe("a file is the whole truth of its billing period", () => {
  it("a restated file replaces its period, and days it lacks become empty", async () => {
    await focus.imported(
      csvOf([chargeOn("2026-06-01", "1"), chargeOn("2026-06-02", "2"), chargeOn("2026-06-03", "3")]),
    );

    await focus.imported(csvOf([chargeOn("2026-06-01", "1"), chargeOn("2026-06-02", "2.5")]));

    expect(await focus.days("2026-06")).toEqual({
      "2026-06-01": "complete 1",
      "2026-06-02": "complete 2.5",
      "2026-06-03": "empty 0",
    });
  });

  it("a restated file of a closed month takes back the corrections of days it lacks", async () => {
    await focus.imported(csvOf([chargeOn("2026-06-01", "1")]));
    await closeAsItStands(focus.world, focus.org, "2026-06");
    await focus.imported(csvOf([chargeOn("2026-06-01", "1"), chargeOn("2026-06-02", "2")]));

    await focus.imported(csvOf([chargeOn("2026-06-01", "1.5")]));

    const thisMonth = focus.world.clock.now().toISOString().slice(0, 7);
    const { adjustments = [] } = await publishedMonth(focus.org, thisMonth, 1, focus.ports.documents);
    expect(adjustments.map(({ totals }) => totals["USD"]?.[0])).toEqual(["0.5"]);
    expect(await focus.days("2026-06")).toEqual({ "2026-06-01": "complete 1" });
  });

  it("rows in another order change nothing", async () => {
    const records = [chargeOn("2026-06-01", "1"), chargeOn("2026-06-02", "2"), chargeOn("2026-06-02", "3")];
    await focus.imported(csvOf(records));
    const version = await focus.version("2026-06");

    const imported = await focus.imported(csvOf(records.toReversed()));

    expect(imported.status).toBe("COMPLETED");
    expect(await focus.version("2026-06")).toBe(version);
  });

  it("June's file does not erase July's rows of 30 June, nor July's file June's", async () => {
    await focus.imported(csvOf([chargeOn("2026-06-30", "1"), chargeOn("2026-06-29", "5")]));
    await focus.imported(csvOf([chargeOn("2026-06-30", "2", "2026-07"), chargeOn("2026-07-01", "4", "2026-07")]));

    await focus.imported(csvOf([chargeOn("2026-06-30", "1.25"), chargeOn("2026-06-29", "5")]));

    const rows = await costs();
    const billed = rows.map((row) => `${row["x_charge_date"]} ${row["x_source"]} ${row["BilledCost"]}`).sort();
    expect(billed).toEqual([
      `2026-06-29 ${focus.credentialId}/2026-06 5`,
      `2026-06-30 ${focus.credentialId}/2026-06 1.25`,
      `2026-06-30 ${focus.credentialId}/2026-07 2`,
    ]);
  });

  it("one bad row refuses the file, and the old data stays", async () => {
    await focus.imported(csvOf([chargeOn("2026-06-01", "1")]));
    const version = await focus.version("2026-06");

    const refused = await focus.imported(csvOf([chargeOn("2026-06-01", "9"), chargeOn("2026-06-02", "1,234.5")]));

    expect(refused).toMatchObject({ status: "REJECTED", error_count: 4 });
    expect(refused.errors[0]).toEqual({ row: 2, column: "BilledCost", rule: "decimal", value_excerpt: "1,234.5" });
    expect(await focus.version("2026-06")).toBe(version);
    const run = (await focus.ports.documents.get<RunDocument>(runPath(focus.org.key, refused.run_id))).body;
    expect(run).toMatchObject({ status: "FAILED", error: { code: "IMPORT_REJECTED", fault: "customer" } });
  });

  it("a refused file may be delivered again", async () => {
    const file = csvOf([{ ...chargeOn("2026-06-01", "1"), ChargeCategory: "usage" }]);
    await focus.imported(file);

    const again = await focus.delivered(file);

    expect(again.status).toBe(202);
  });
});

describe("what a file looks like does not matter", () => {
  const records = [
    {
      ...chargeOn("2026-06-01", "0.00000080000"),
      ChargeDescription: '=HYPERLINK("http://x")',
      ResourceName: "naïve-桶-🪣",
    },
    { ...chargeOn("2026-06-02", "1.5E-7"), ChargeDescription: "two\nlines", ResourceName: "a\\b" },
    { ...chargeOn("2026-06-03", "-12.000000000001"), ChargeCategory: "Credit", ResourceName: "" },
  ];
  const names = Object.keys(records[0] ?? {});
  const isOfFile = (name: string) => name.startsWith("x_") || ["file_uri", "file_sha256"].includes(name);
  const statement = (rows: Record<string, unknown>[]) =>
    sorted(rows, "ChargePeriodStart").map((row) =>
      Object.fromEntries(Object.entries(row).filter(([name]) => !isOfFile(name))),
    );

  it.each<[string, () => Buffer]>([
    ["CSV.gz", () => gzipSync(csvOf(records))],
    ["semicolons and CRLF", () => csvOf(records, { separator: ";", lineEnd: "\r\n" })],
    ["a byte order mark", () => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), csvOf(records)])],
    ["no line end at the end", () => csvOf(records).subarray(0, -1)],
    [
      "Parquet of texts",
      () => {
        const columns = Object.fromEntries(
          names.map((name) => [name, records.map((record) => record[name as keyof typeof record] ?? "")]),
        );
        return pl.DataFrame(columns).writeParquet() as unknown as Buffer;
      },
    ],
    [
      "Parquet with types",
      () => {
        const columns = Object.fromEntries(
          names.map((name) => [name, records.map((record) => record[name as keyof typeof record] || null)]),
        );
        const amounts = ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"];
        const times = ["ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart"];
        const micros = (name: string) => columns[name]?.map((text) => Date.parse(String(text)) * 1000) ?? [];
        const instants = times.map((name) => pl.Series(name, micros(name), pl.Int64).cast(pl.Datetime("us", "UTC")));
        const typed = pl
          .DataFrame(columns)
          .withColumns(...amounts.map((name) => pl.col(name).cast(pl.Decimal(38, 18), true)))
          .withColumns(...instants);
        return typed.writeParquet() as unknown as Buffer;
      },
    ],
  ])("%s gives the rows that CSV gives", async (_, file) => {
    await focus.imported(csvOf(records));
    const expected = statement(await costs());

    const imported = await focus.imported(file());

    expect(imported.errors).toEqual([]);
    expect(imported.status).toBe("COMPLETED");
    expect(statement(await costs())).toEqual(expected);
  });

  it("texts are kept as they were sent, amounts to twelve places", async () => {
    await focus.imported(csvOf(records));

    const rows = sorted(await costs(), "x_charge_date");

    expect(rows.map((row) => row["BilledCost"])).toEqual(["0.0000008", "0.00000015", "-12.000000000001"]);
    expect(rows.map((row) => row["ChargeDescription"])).toEqual(['=HYPERLINK("http://x")', "two\nlines", "Storage"]);
    expect(rows.map((row) => row["ResourceName"])).toEqual(["naïve-桶-🪣", "a\\b", null]);
    const raw = sorted(await focus.rows("focus_import_daily_raw", "2026-06"), "charge_date");
    expect(raw.map((row) => (row["record"] as Record<string, string>)["BilledCost"])).toEqual([
      "0.00000080000",
      "1.5E-7",
      "-12.000000000001",
    ]);
    expect(raw[1]).toMatchObject({ record: { ChargeDescription: "two\nlines" } });
  });
});

describe("deliveries", () => {
  it("a dry run reports and keeps nothing", async () => {
    const answer = await focus.delivered(csvOf([chargeOn("2026-06-01", "1")]), { dry_run: true });

    expect(answer).toMatchObject({ status: 200, body: { dry_run: true, would_be: "COMPLETED", rows: 1 } });
    expect(await focus.ports.objects.list("imports/")).toEqual([]);
    expect(await focus.version("2026-06")).toBe(0);
  });

  it.each([
    [{ control_rows: 2 }, "control_rows"],
    [{ control_total: "1.01" }, "control_total"],
  ])("a file that is not what was announced (%j) is refused", async (query, rule) => {
    const imported = await focus.imported(csvOf([chargeOn("2026-06-01", "1")]), query);

    expect(imported).toMatchObject({ status: "REJECTED", error_count: 1 });
    expect(imported.errors[0]?.rule).toBe(rule);
    expect(await focus.version("2026-06")).toBe(0);
  });

  it("an empty body is refused at once", async () => {
    await expect(focus.delivered(Buffer.alloc(0))).rejects.toMatchObject({ code: "IMPORT_REJECTED" });
  });
});
