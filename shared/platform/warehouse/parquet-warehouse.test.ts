import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm, truncate, unlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pl from "nodejs-polars";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { isAppError } from "#shared/runtime/errors.ts";
import { EVERY_TYPE, UNPARTITIONED } from "./contract/contract-tables.ts";
import { frameOf, rowsOf } from "./frame.ts";
import { parquetWarehouse } from "./parquet-warehouse.ts";
import { warehouseContract } from "./warehouse.contract.ts";
import type { Batch, Warehouse } from "./warehouse.ts";

warehouseContract("Parquet files", async () => {
  const folder = await mkdtemp(join(tmpdir(), "warehouse-"));
  return { open: () => parquetWarehouse({ folder }), stop: () => rm(folder, { recursive: true }) };
});

describe("parquetWarehouse", () => {
  let folder: string;
  let warehouse: Warehouse;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "warehouse-"));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });
  beforeEach(async () => {
    warehouse = parquetWarehouse({ folder });
    await warehouse.ensureDataset({ id: "d", label: "platform", location: "local", description: "d" });
    await warehouse.ensureTable("d", EVERY_TYPE);
    await warehouse.ensureTable("d", UNPARTITIONED);
    return () => warehouse.dropDataset("d", "platform");
  });

  const table = (...names: string[]) => join(folder, "d", EVERY_TYPE.name, ...names);
  const providers = async () => {
    const parts = [{ batchId: "b1", days: ["2028-02-28", "2028-02-29"] }];
    const frame = await warehouse.read({ datasetId: "d", table: EVERY_TYPE }, parts, ["provider"]);
    return rowsOf(frame, EVERY_TYPE).map((row) => row["provider"]);
  };

  test("lays files out as dataset, table, day, batch (tables.md 5)", async () => {
    await warehouse.write(batchOf(["a", "b"]));
    await warehouse.write({
      ...batchOf([]),
      table: UNPARTITIONED,
      rows: frameOf(UNPARTITIONED, [{ name: "n", x_batch_id: "b1" }]),
    });

    expect(await readdir(table("2028-02-28"))).toEqual(["b1.parquet"]);
    expect(await readdir(table("2028-02-29"))).toEqual(["b1.parquet"]);
    expect(await readdir(join(folder, "d", UNPARTITIONED.name, "all"))).toEqual(["b1.parquet"]);
    expect(await readdir(table("_batches"))).toEqual(["b1.json"]);
    expect(await readdir(table("_aside"))).toEqual([]);
  });

  test("shows nothing of a batch whose manifest a crash prevented, and completes it on the repeat", async () => {
    const batch = batchOf(["a", "b"]);
    await warehouse.write(batch);
    await unlink(table("_batches", "b1.json"));
    await unlink(table("2028-02-29", "b1.parquet"));
    await writeFile(table("_batches", "b1.claim"), batch.contentHash);

    expect(await providers()).toEqual([]);
    await parquetWarehouse({ folder }).write(batch);

    expect(await providers()).toEqual(["a", "b"]);
    expect(await readdir(table("_batches"))).toEqual(["b1.json"]);
  });

  test("keeps other rows away from an id whose write a crash cut off", async () => {
    await writeFile(table("_batches", "b1.claim"), batchOf(["a"]).contentHash);

    const failure = await warehouse.write(batchOf(["x"])).catch((error: unknown) => error);

    expect(isAppError(failure, "BATCH_CONFLICT")).toBe(true);
    expect(await providers()).toEqual([]);
  });

  test.each(["gone", "cut"])("never reads a published file that is %s as no rows", async (damage) => {
    await warehouse.write(batchOf(["a", "b"]));
    const file = table("2028-02-29", "b1.parquet");
    await (damage === "gone" ? unlink(file) : truncate(file, 20));

    const failure = await providers().catch((error: unknown) => error);

    expect(isAppError(failure, "WAREHOUSE_UNAVAILABLE")).toBe(true);
  });

  test("never takes a file that lacks a REQUIRED column for a batch's own", async () => {
    await warehouse.write(batchOf(["a", "b"]));
    const file = table("2028-02-29", "b1.parquet");
    pl.readParquet(file).drop("provider").writeParquet(file);

    const failure = await providers().catch((error: unknown) => error);

    expect(isAppError(failure, "WAREHOUSE_UNAVAILABLE")).toBe(true);
  });

  test("opens no file that was not named", async () => {
    await warehouse.write(batchOf(["a"]));
    await writeFile(table("2028-02-28", "damaged.parquet"), "not parquet");

    expect(await providers()).toEqual(["a"]);
  });

  test("leaves columns without any value out of its files, and reads them as null", async () => {
    const source = { datasetId: "d", table: EVERY_TYPE };
    await warehouse.write(batchOf(["a", "b"]));

    const stored = pl.readParquet(table("2028-02-29", "b1.parquet"));
    const parts = [{ batchId: "b1", days: ["2028-02-28", "2028-02-29"] }];
    const alone = await warehouse.read(source, parts, ["note"]);
    const beside = await warehouse.read(source, parts, ["credit", "provider", "tags"]);

    expect(stored.columns).toEqual(["usage_date", "provider", "cost", "tags", "x_org_slug", "x_batch_id"]);
    expect(rowsOf(alone, EVERY_TYPE)).toEqual([{ note: null }, { note: null }]);
    expect(rowsOf(beside, EVERY_TYPE)).toEqual(["a", "b"].map((provider) => ({ credit: null, provider, tags: [] })));
  });

  test("finds the days of rows in any order, and keeps the order within a day", async () => {
    const days = ["2028-02-29", "2028-02-28", "2028-02-29", "2028-02-28", "2028-02-27"];
    const rows = days.map((day, at) => ({ ...rowOf(`p${at}`), usage_date: day }));

    await warehouse.write({ ...batchOf([]), rows: frameOf(EVERY_TYPE, rows) });

    const providersOf = async (day: string) => {
      const parts = [{ batchId: "b1", days: [day] }];
      const frame = await warehouse.read({ datasetId: "d", table: EVERY_TYPE }, parts, ["provider"]);
      return frame.getColumn("provider").toArray();
    };
    expect(await providersOf("2028-02-27")).toEqual(["p4"]);
    expect(await providersOf("2028-02-28")).toEqual(["p1", "p3"]);
    expect(await providersOf("2028-02-29")).toEqual(["p0", "p2"]);
  });

  test("removes and erases also what a crash left of an unfinished batch", async () => {
    const source = { datasetId: "d", table: EVERY_TYPE };
    await warehouse.write(batchOf(["a", "b"]));
    await unlink(table("_batches", "b1.json"));
    await writeFile(table("_aside", "old.parquet"), "rows");
    await utimes(table("_aside", "old.parquet"), 0, 0);
    await writeFile(table("_aside", "young.parquet"), "rows");

    await warehouse.eraseOrganization(source, "org_of_a");
    expect([await readdir(table("2028-02-28")), await readdir(table("2028-02-29"))]).toEqual([[], ["b1.parquet"]]);
    expect(await readdir(table("_aside"))).toEqual(["young.parquet"]);
    await warehouse.remove(source, ["b1"]);

    expect(await readdir(table("2028-02-29"))).toEqual([]);
  });

  test.each(["/tmp/a*b", "/tmp/a[1]", "/tmp/a?b", "/tmp/{a}", "s3://bucket/a"])(
    "refuses the data folder %s",
    (path) => {
      expect(() => parquetWarehouse({ folder: path })).toThrow(
        expect.objectContaining({ code: "CONFIGURATION_INVALID" }),
      );
    },
  );
});

/** One row a day from 2028-02-28 on, by provider. */
function batchOf(providers: string[]): Batch {
  const rows = providers.map((provider, index) => ({ ...rowOf(provider), usage_date: `2028-02-${28 + index}` }));
  const contentHash = createHash("sha256").update(providers.join()).digest("hex");
  return { datasetId: "d", table: EVERY_TYPE, batchId: "b1", contentHash, rows: frameOf(EVERY_TYPE, rows) };
}

function rowOf(provider: string) {
  return { usage_date: "2028-02-28", provider, cost: "1", x_org_slug: `org_of_${provider}`, x_batch_id: "b1" };
}
