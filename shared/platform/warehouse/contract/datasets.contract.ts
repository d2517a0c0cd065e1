import { describe, expect, test } from "vitest";
import { isAppError } from "#shared/runtime/errors.ts";
import { EVERY_TYPE, NEWER_STANDARD, STANDARD } from "./contract-tables.ts";
import { datasetOf, expectRefused, LABEL, LOCATION, standardRow, type WarehouseBench } from "./warehouse-bench.ts";

export function warehouseDatasets(bench: WarehouseBench): void {
  describe("datasets and tables", () => {
    test("are made once and described as made", async () => {
      const dataset = datasetOf(bench.datasetId);

      expect(await bench.warehouse.ensureDataset(dataset)).toEqual({ created: false, label: LABEL });
      expect(await bench.warehouse.ensureTable(bench.datasetId, STANDARD)).toEqual({ created: false });
      expect(await bench.warehouse.ensureTable(bench.datasetId, { ...STANDARD, name: "another" })).toEqual({
        created: true,
      });
      const description = await bench.open().describeDataset(bench.datasetId);

      expect(description).toMatchObject({ label: LABEL, location: LOCATION });
      expect(description?.tables.map((table) => table.name).sort()).toEqual(
        ["another", "cost_standard", "every_type_daily_raw", "org_events", "samples_raw", "small_list"].sort(),
      );
      const described = description?.tables.find((table) => table.name === EVERY_TYPE.name);
      expect(described?.partitionField).toBe("usage_date");
      expect(described?.columns).toEqual(EVERY_TYPE.columns.map(({ name, type, mode }) => ({ name, type, mode })));
    });

    test("are never altered by making them again", async () => {
      const changed = { ...STANDARD, columns: NEWER_STANDARD.columns };

      expect(await bench.warehouse.ensureTable(bench.datasetId, changed)).toEqual({ created: false });
      expect(await bench.warehouse.ensureDataset({ ...datasetOf(bench.datasetId), label: "platform" })).toEqual({
        created: false,
        label: LABEL,
      });

      const described = (await bench.warehouse.describeDataset(bench.datasetId))?.tables.find(
        ({ name: table }) => table === STANDARD.name,
      );
      expect(described?.columns).toHaveLength(STANDARD.columns.length);
    });

    test("are made by one of several at once", async () => {
      const table = { ...STANDARD, name: "at_once" };

      const made = await Promise.all(Array.from({ length: 5 }, () => bench.open().ensureTable(bench.datasetId, table)));

      expect(made.filter(({ created }) => created)).toHaveLength(1);
    });

    test("that are not there are undefined", async () => {
      expect(await bench.warehouse.describeDataset("never_made")).toBeUndefined();
      await expectRefused(bench.warehouse.ensureTable("never_made", STANDARD));
    });

    test("take another label with everything else of them as it was", async () => {
      const batchId = await bench.written(STANDARD, [standardRow("2026-03-01", "1")]);
      const before = await bench.warehouse.describeDataset(bench.datasetId);

      await bench.warehouse.labelDataset(bench.datasetId, "org_01J0000000000000000000ADPT");

      const after = await bench.open().describeDataset(bench.datasetId);
      expect(after).toEqual({ ...before, label: "org_01J0000000000000000000ADPT" });
      expect(await bench.costs([[batchId, "2026-03-01"]])).toEqual(["1"]);
      await expectRefused(bench.warehouse.labelDataset("never_made", LABEL));
      await bench.warehouse.labelDataset(bench.datasetId, LABEL);
    });

    test("are dropped by their own label only, and again without error", async () => {
      const batchId = await bench.written(STANDARD, [standardRow("2026-03-01", "1")]);

      const failure = await bench.warehouse.dropDataset(bench.datasetId, "platform").catch((error: unknown) => error);
      expect(isAppError(failure, "DATASET_NOT_OURS")).toBe(true);
      expect(await bench.costs([[batchId, "2026-03-01"]])).toEqual(["1"]);

      await bench.warehouse.dropDataset(bench.datasetId, LABEL);
      await bench.warehouse.dropDataset(bench.datasetId, LABEL);
      expect(await bench.warehouse.describeDataset(bench.datasetId)).toBeUndefined();
    });
  });
}
