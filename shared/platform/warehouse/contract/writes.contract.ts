import pl from "nodejs-polars";
import { describe, expect, test } from "vitest";
import { isAppError } from "#shared/runtime/errors.ts";
import type { TableDefinition } from "../table.ts";
import { NEWER_STANDARD, STANDARD } from "./contract-tables.ts";
import { expectRefused, newBatchId, standardRow, sumOf, type WarehouseBench } from "./warehouse-bench.ts";

export function warehouseWrites(bench: WarehouseBench): void {
  describe("write", () => {
    test("of the same batch again leaves one copy", async () => {
      const batch = bench.batchOf(STANDARD, [standardRow("2026-03-01", "1.5")]);

      await bench.warehouse.write(batch);
      await bench.warehouse.write(batch);
      await bench.open().write(batch);

      expect(await bench.costs([[batch.batchId, "2026-03-01"]])).toEqual(["1.5"]);
    });

    test("of one batch by several at once leaves one copy", async () => {
      const batch = bench.batchOf(STANDARD, [standardRow("2026-03-01", "1.5"), standardRow("2026-03-02", "2")]);

      await Promise.all(Array.from({ length: 6 }, () => bench.open().write(batch)));

      expect(await bench.costs([[batch.batchId, "2026-03-01", "2026-03-02"]])).toEqual(["1.5", "2"]);
    });

    test("of other rows under a used id is refused and changes nothing", async () => {
      const batch = bench.batchOf(STANDARD, [standardRow("2026-03-01", "1.5")]);
      await bench.warehouse.write(batch);

      const other = bench.batchOf(
        STANDARD,
        [standardRow("2026-03-01", "9"), standardRow("2026-03-05", "9")],
        batch.batchId,
      );
      const failure = await bench
        .open()
        .write(other)
        .catch((error: unknown) => error);

      expect(isAppError(failure, "BATCH_CONFLICT")).toBe(true);
      expect(await bench.costs([[batch.batchId, "2026-03-01", "2026-03-05"]])).toEqual(["1.5"]);
    });

    test("of different rows under one id at once lets exactly one through", async () => {
      const batchId = newBatchId();
      const batches = ["1", "2", "3"].map((cost) =>
        bench.batchOf(STANDARD, [standardRow("2026-03-01", cost)], batchId),
      );

      const results = await Promise.allSettled(batches.map((batch) => bench.open().write(batch)));

      const failures = results.filter((result) => result.status === "rejected");
      expect(failures.map(({ reason }) => isAppError(reason, "BATCH_CONFLICT"))).toEqual([true, true]);
      const winner = results.findIndex((result) => result.status === "fulfilled");
      expect(await bench.costs([[batchId, "2026-03-01"]])).toEqual([String(winner + 1)]);
    });

    test("of no rows is nothing", async () => {
      const batch = bench.batchOf(STANDARD, []);

      await bench.warehouse.write(batch);

      expect(await bench.costs([[batch.batchId, "2026-03-01"]])).toEqual([]);
    });

    test("of many days is read back day by day", async () => {
      const days = Array.from({ length: 60 }, (_, index) =>
        new Date(Date.UTC(2028, 1, 1 + index)).toISOString().slice(0, 10),
      );
      const batchId = await bench.written(
        STANDARD,
        days.map((day) => standardRow(day, "0.1")),
      );

      const frame = await bench.read(STANDARD, [[batchId, ...days]], ["BilledCost", "x_charge_date"]);

      expect(sumOf(frame, "BilledCost")).toBe("6");
      expect(await bench.costs([[batchId, "2028-02-29"]])).toEqual(["0.1"]);
    });

    test("refuses a batch that does not fit its table, whole", async () => {
      const good = bench.batchOf(STANDARD, [standardRow("2026-03-01", "1")]);
      const asText = good.rows.withColumn(pl.Series("BilledCost", ["1"], pl.Utf8));
      const withNull = good.rows.withColumn(pl.lit(null).cast(pl.Utf8).alias("x_row_id"));

      await expectRefused(bench.warehouse.write({ ...good, rows: asText }));
      await expectRefused(bench.warehouse.write({ ...good, rows: withNull }));
      await expectRefused(bench.warehouse.write({ ...good, rows: good.rows.drop("x_row_id") }));
      await expectRefused(bench.warehouse.write({ ...good, batchId: "another" }));
      await expectRefused(bench.warehouse.write({ ...good, batchId: "a/../b" }));
      await expectRefused(bench.warehouse.write({ ...good, contentHash: "short" }));
      expect(await bench.costs([[good.batchId, "2026-03-01"]])).toEqual([]);
    });

    test("refuses a table or dataset that was not made, and a new REQUIRED column", async () => {
      const batch = bench.batchOf(STANDARD, [standardRow("2026-03-01", "1")]);
      const renamed = { ...STANDARD, name: "never_made" };
      const [first, ...others] = NEWER_STANDARD.columns.toReversed();
      const stricter = {
        ...NEWER_STANDARD,
        columns: [...others, { ...first, name: "x_new", type: "STRING", mode: "REQUIRED" }],
      };
      const required = bench.batchOf(stricter as TableDefinition, [{ ...standardRow("2026-03-01", "1"), x_new: "n" }]);

      await expectRefused(bench.warehouse.write({ ...batch, table: renamed }));
      await expectRefused(bench.warehouse.write({ ...batch, datasetId: "never_made" }));
      await expectRefused(bench.warehouse.write(required));
    });
  });
}
