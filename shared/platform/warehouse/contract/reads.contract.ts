import { describe, expect, test } from "vitest";
import { frameOf, rowsOf } from "../frame.ts";
import { EVERY_TYPE, NEWER_STANDARD, STANDARD } from "./contract-tables.ts";
import { everyTypeRow, expectRefused, type Part, standardRow, sumOf, type WarehouseBench } from "./warehouse-bench.ts";

export function warehouseReads(bench: WarehouseBench): void {
  describe("read", () => {
    test("gives the asked columns in the asked order", async () => {
      const batchId = await bench.written(STANDARD, [standardRow("2026-03-01", "1")]);

      const frame = await bench.read(STANDARD, [[batchId, "2026-03-01"]], ["x_row_id", "BilledCost"]);

      expect(frame.columns).toEqual(["x_row_id", "BilledCost"]);
    });

    test("counts no day twice when a batch restates the middle of three days", async () => {
      const days = ["2028-02-28", "2028-02-29", "2028-03-01"];
      const first = await bench.written(
        STANDARD,
        days.map((day) => standardRow(day, "10.000000000001")),
      );
      const second = await bench.written(STANDARD, [
        standardRow("2028-02-29", "0.5"),
        standardRow("2028-02-29", "0.25"),
      ]);

      const frame = await bench.read(STANDARD, [
        [first, "2028-02-28", "2028-03-01"],
        [second, "2028-02-29"],
      ]);

      expect(sumOf(frame, "BilledCost")).toBe("20.750000000002");
      expect(frame.height).toBe(4);
    });

    test("matches batch and day as a pair, also where each alone would match", async () => {
      const first = await bench.written(STANDARD, [standardRow("2026-03-01", "1"), standardRow("2026-03-02", "2")]);
      const second = await bench.written(STANDARD, [standardRow("2026-03-01", "4"), standardRow("2026-03-02", "8")]);

      const found = await bench.costs([
        [first, "2026-03-01"],
        [second, "2026-03-02"],
      ]);

      expect(found).toEqual(["1", "8"]);
    });

    test("gives a row once though its pair is named twice", async () => {
      const batchId = await bench.written(STANDARD, [standardRow("2026-03-01", "1"), standardRow("2026-03-02", "2")]);

      const found = await bench.costs([
        [batchId, "2026-03-01", "2026-03-01"],
        [batchId, "2026-03-01", "2026-03-02"],
        [batchId, "2026-03-02"],
      ]);

      expect(found).toEqual(["1", "2"]);
    });

    test("of nothing is an empty frame with the types of the table", async () => {
      const batchId = await bench.written(EVERY_TYPE, [everyTypeRow("a")]);
      const expected = frameOf(EVERY_TYPE, []);

      for (const parts of [[], [[batchId, "2026-01-01"]], [["no-such-batch", "2026-12-31"]]] as [
        string,
        ...string[],
      ][][]) {
        const frame = await bench.read(EVERY_TYPE, parts);
        expect(frame.height).toBe(0);
        expect(frame.columns).toEqual(expected.columns);
        expect(frame.dtypes.map(String)).toEqual(expected.dtypes.map(String));
      }
    });

    test("reads a column that an older batch lacks as null, a list as empty", async () => {
      const older = await bench.written(STANDARD, [standardRow("2026-03-01", "1")]);
      const newer = await bench.written(NEWER_STANDARD, [
        { ...standardRow("2026-03-01", "2"), x_credit: "-0.5", x_groups: ["g"] },
      ]);

      const parts: Part[] = [
        [older, "2026-03-01"],
        [newer, "2026-03-01"],
      ];
      const frame = await bench.read(NEWER_STANDARD, parts, ["BilledCost", "x_credit", "x_groups"]);

      expect(frame.getColumn("x_groups").nullCount()).toBe(0);
      expect(rowsOf(frame, NEWER_STANDARD).sort((a, b) => Number(a["BilledCost"]) - Number(b["BilledCost"]))).toEqual([
        { BilledCost: "1", x_credit: null, x_groups: [] },
        { BilledCost: "2", x_credit: "-0.5", x_groups: ["g"] },
      ]);
    });

    test("reads columns that the whole table lacks as null, one for each row", async () => {
      const batchId = await bench.written(STANDARD, [standardRow("2026-03-01", "1"), standardRow("2026-03-01", "2")]);

      const frame = await bench.read(NEWER_STANDARD, [[batchId, "2026-03-01"]], ["x_credit", "x_groups"]);

      expect(rowsOf(frame, NEWER_STANDARD)).toEqual([
        { x_credit: null, x_groups: [] },
        { x_credit: null, x_groups: [] },
      ]);
    });

    test("finds rows of an older processor beside those of a newer", async () => {
      await bench.written(NEWER_STANDARD, [{ ...standardRow("2026-03-01", "2"), x_credit: "1" }]);

      const older = await bench.written(STANDARD, [standardRow("2026-03-01", "1")]);

      expect(await bench.costs([[older, "2026-03-01"]])).toEqual(["1"]);
    });

    test("refuses a column that the definition lacks, and names that are no names", async () => {
      await expectRefused(bench.read(STANDARD, [["b", "2026-03-01"]], ["no_such"]));
      await expectRefused(bench.read(STANDARD, [["../x", "2026-03-01"]]));
      await expectRefused(bench.read(STANDARD, [["b", "..%2f"]]));
      await expectRefused(bench.warehouse.read({ datasetId: "../x", table: STANDARD }, [], ["BilledCost"]));
    });
  });
}
