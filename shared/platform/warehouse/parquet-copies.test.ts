import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rename, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DataFrame } from "nodejs-polars";
import { beforeEach, describe, expect, test } from "vitest";
import { isAppError } from "#shared/runtime/errors.ts";
import { EVERY_TYPE } from "./contract/contract-tables.ts";
import { frameOf, rowsOf } from "./frame.ts";
import { type CopyKey, findCopy, keepCopy } from "./parquet-copies.ts";
import { parquetWarehouse } from "./parquet-warehouse.ts";
import type { Warehouse } from "./warehouse.ts";

const source = { datasetId: "d", table: EVERY_TYPE };
const columns = ["usage_date", "provider", "note", "cost", "tags"];
const days = Array.from({ length: 40 }, (_, at) => new Date(Date.UTC(2028, 0, 1 + at)).toISOString().slice(0, 10));

let folder: string;
let warehouse: Warehouse;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "warehouse-"));
  warehouse = parquetWarehouse({ folder });
  await warehouse.ensureDataset({ id: "d", label: "platform", location: "local", description: "d" });
  await warehouse.ensureTable("d", EVERY_TYPE);
  return () => rm(folder, { recursive: true });
});

const table = (...names: string[]) => join(folder, "d", EVERY_TYPE.name, ...names);

async function written(batchId: string, cost: string): Promise<void> {
  const rows = days.map((day) => ({
    ...{ usage_date: day, provider: "p", note: `${batchId} ${day}`, cost, tags: [day] },
    ...{ x_org_slug: day < "2028-01-03" ? "org_one" : "org_two", x_batch_id: batchId },
  }));
  const contentHash = createHash("sha256").update(batchId).digest("hex");
  await warehouse.write({ ...source, batchId, contentHash, rows: frameOf(EVERY_TYPE, rows) });
}

async function read(batchIds: string[], names = columns): Promise<Record<string, unknown>[]> {
  const parts = batchIds.map((batchId) => ({ batchId, days }));
  return rowsOf(await warehouse.read(source, parts, names), EVERY_TYPE);
}

const copies = async () => (await readdir(table("_copies")).catch(() => [])).sort();
const rowFiles = async () => (await copies()).filter((name) => name.endsWith(".parquet"));

/** With a stored file gone only a copy can answer. */
async function isAnsweredByCopy(batchId: string, names = columns): Promise<boolean> {
  const file = table("2028-01-20", `${batchId}.parquet`);
  const content = await readFile(file);
  await unlink(file);
  const failure = await read([batchId], names).then(
    () => undefined,
    (error: unknown) => error,
  );
  await writeFile(file, content);
  if (failure !== undefined) expect(isAppError(failure, "WAREHOUSE_UNAVAILABLE")).toBe(true);
  return failure === undefined;
}

describe("copies of many files", () => {
  test("answer the same rows as the files, in the same order", async () => {
    await written("b1", "0.000000000001");

    const fromFiles = await read(["b1"]);
    const fromCopy = await read(["b1"]);

    expect(fromFiles).toHaveLength(days.length);
    expect(fromFiles[0]).toMatchObject({ cost: "0.000000000001", tags: ["2028-01-01"] });
    expect(fromCopy).toEqual(fromFiles);
    expect(await isAnsweredByCopy("b1")).toBe(true);
  });

  test("answer only for the batches, days and columns that they were made of", async () => {
    await written("b1", "1");
    await written("b2", "2");

    await read(["b1"]);

    expect(await isAnsweredByCopy("b2")).toBe(false);
    expect(await isAnsweredByCopy("b1", ["provider", "cost"])).toBe(false);
    const fewer = await warehouse.read(source, [{ batchId: "b1", days: days.slice(0, 35) }], ["cost"]);
    expect(fewer.height).toBe(35);
    expect((await read(["b1", "b2"], ["cost"])).length).toBe(2 * days.length);
  });

  test("are not made of few files", async () => {
    await written("b1", "1");

    await warehouse.read(source, [{ batchId: "b1", days: days.slice(0, 31) }], columns);

    expect(await copies()).toEqual([]);
  });

  test.each(["cut", "changed in one bit", "without its label", "with a cut label"])(
    "that are %s are not trusted, and made again",
    async (damage) => {
      await written("b1", "1");
      const rows = await read(["b1"]);
      const [label = "", file = ""] = (await copies()).map((name) => table("_copies", name));
      const content = await readFile(damage === "with a cut label" ? label : file);
      if (damage === "cut") await writeFile(file, content.subarray(0, content.length - 9));
      if (damage === "changed in one bit") {
        content[100] = (content[100] ?? 0) ^ 1;
        await writeFile(file, content);
      }
      if (damage === "without its label") await unlink(label);
      if (damage === "with a cut label") await writeFile(label, content.subarray(0, 40));

      expect(await isAnsweredByCopy("b1")).toBe(false);
      expect(await read(["b1"])).toEqual(rows);
      expect(await isAnsweredByCopy("b1")).toBe(true);
    },
  );

  test("of others are not taken under another name", async () => {
    await written("b1", "1");
    await written("b2", "2");
    await read(["b1"]);
    const [label = "", file = ""] = await copies();
    await read(["b2"]);
    const [otherLabel = "", otherFile = ""] = (await copies()).filter((name) => name !== label && name !== file);
    await rename(table("_copies", file), table("_copies", otherFile));
    await rename(table("_copies", label), table("_copies", otherLabel));

    const rows = await read(["b2"]);

    expect(new Set(rows.map((row) => row["cost"]))).toEqual(new Set(["2"]));
  });

  test("hold no row of a removed batch, and those of other batches stay", async () => {
    await written("b1", "1");
    await written("b2", "2");
    await read(["b1"]);
    const kept = await copies();
    await read(["b1", "b2"]);
    await read(["b2"]);
    await writeFile(table("_copies", "crash.tmp"), "rows");

    await warehouse.remove(source, ["b2"]);

    expect(await copies()).toEqual(kept);
    expect(await read(["b1", "b2"])).toHaveLength(days.length);
  });

  test("hold no row of an erased organization", async () => {
    await written("b1", "1");
    await read(["b1"]);

    await warehouse.eraseOrganization(source, "org_one");

    expect(await copies()).toEqual([]);
    expect(await read(["b1"])).toHaveLength(days.length - 2);
  });

  test("of rows that went away while they were read are not left", async () => {
    await written("b1", "1");
    const key = keyOf("b1");

    await keepCopy(table("_copies"), { key, rows: await frame("b1"), keyNow: async () => ({ ...key, files: [] }) });
    const afterwards = await copies();
    await keepCopy(table("_copies"), { key, rows: await frame("b1"), keyNow: async () => key });

    expect(afterwards).toEqual([]);
    expect(await copies()).toHaveLength(2);
  });

  test("bring no dropped table back, and fail no read", async () => {
    await written("b1", "1");
    const rows = await frame("b1");
    await warehouse.dropTable("d", "platform", EVERY_TYPE.name);

    await keepCopy(table("_copies"), { key: keyOf("b1"), rows, keyNow: async () => keyOf("b1") });

    expect(await readdir(join(folder, "d"))).toEqual(["_dataset.json"]);
  });

  test("are let go of when there are too many, those that were used last stay", async () => {
    await written("b1", "1");
    const rows = (await frame("b1")).head(1);
    const isKept = async (batchId: string) => (await findCopy(table("_copies"), keyOf(batchId))) !== undefined;
    for (let at = 0; at < 155; at++) {
      const key = keyOf(`b${at}`);
      await keepCopy(table("_copies"), { key, rows, keyNow: async () => key });
      if (at === 149) await isKept("b0");
    }

    expect([await rowFiles(), await copies()].map((names) => names.length)).toEqual([150, 300]);
    expect([await isKept("b0"), await isKept("b1"), await isKept("b154")]).toEqual([true, false, true]);
  });
});

async function frame(batchId: string): Promise<DataFrame> {
  return warehouse.read(source, [{ batchId, days: days.slice(0, 3) }], columns);
}

function keyOf(batchId: string): CopyKey {
  return {
    datasetId: "d",
    table: EVERY_TYPE.name,
    columns: [],
    files: [{ batchId, contentHash: "0", day: "2028-01-01", rows: 1 }],
  };
}
