import pl from "nodejs-polars";
import { expect, test } from "vitest";
import { heldBytes } from "./delivered-bytes.ts";
import { charge, csvOf, largeCsv } from "./fixtures/focus-csv.ts";
import { readFocusFile } from "./read-file.ts";

/** Rows of the parts of the cost table, in the order they are written. */
async function partsOf(bytes: Buffer): Promise<number[]> {
  const parts: number[] = [];
  const report = await readFocusFile(
    {
      content: heldBytes(bytes),
      sha256: "ab".repeat(32),
      uri: "imports/test",
      vendorName: null,
      control: { rows: null, total: null },
      provider: "focus",
      isCloud: false,
    },
    {
      signal: new AbortController().signal,
      write: async ({ table, rows }) => {
        if (table === "cost_data_standard") parts.push(rows);
      },
    },
  );
  expect(report.errors).toEqual([]);
  return parts;
}

test("rows of any width are cut where their records reach 128 MiB, and none is lost", { timeout: 60_000 }, async () => {
  const note = "n".repeat(500_000);
  const wide = csvOf(Array.from({ length: 400 }, () => ({ ...charge, x_Note: note })));

  const parts = await partsOf(wide);

  expect(parts).toEqual([268, 132]);
});

test("parts are the same whatever pieces a file comes in", { timeout: 60_000 }, async () => {
  const csv = Buffer.from([...largeCsv(1_000, 150_000)].join(""));
  const parquet = pl.readCSV(csv, { inferSchemaLength: 0 }).writeParquet({ compression: "zstd" });

  const [ofCsv, ofParquet] = [await partsOf(csv), await partsOf(parquet)];

  expect(ofCsv.length).toBeGreaterThan(1);
  expect(ofParquet).toEqual(ofCsv);
});
