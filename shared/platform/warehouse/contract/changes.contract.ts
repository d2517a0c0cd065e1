import { describe, expect, test } from "vitest";
import { isAppError } from "#shared/runtime/errors.ts";
import { rowsOf } from "../frame.ts";
import type { TableDefinition } from "../table.ts";
import { column, EVERY_TYPE, NEWER_STANDARD, STANDARD } from "./contract-tables.ts";
import { expectRefused, LABEL, standardRow, type WarehouseBench } from "./warehouse-bench.ts";

export function warehouseChanges(bench: WarehouseBench): void {
  const columnsOf = async (name: string): Promise<unknown[]> => {
    const description = await bench.open().describeDataset(bench.datasetId);
    return description?.tables.find((table) => table.name === name)?.columns ?? [];
  };
  const withColumn = (
    name: string,
    ...more: Parameters<typeof column> extends [string, ...infer Rest] ? Rest : never
  ) => ({ ...STANDARD, columns: [...STANDARD.columns, column(name, ...more)] }) satisfies TableDefinition;

  describe("tables that change", () => {
    // tables.md 7, the last golden case
    test("gain columns: old rows read null, old processors keep working", async () => {
      const older = await bench.written(STANDARD, [standardRow("2026-03-01", "1")]);
      const source = { datasetId: bench.datasetId, table: NEWER_STANDARD };

      await bench.warehouse.addColumns(source, ["x_credit", "x_groups"]);
      await bench.open().addColumns(source, ["x_groups"]);
      const later = await bench.written(STANDARD, [standardRow("2026-03-01", "2")]);

      expect(await columnsOf(STANDARD.name)).toEqual(
        NEWER_STANDARD.columns.map(({ name, type, mode }) => ({ name, type, mode })),
      );
      const frame = await bench.read(
        NEWER_STANDARD,
        [
          [older, "2026-03-01"],
          [later, "2026-03-01"],
        ],
        ["x_credit", "x_groups"],
      );
      expect(rowsOf(frame, NEWER_STANDARD)).toEqual(Array(2).fill({ x_credit: null, x_groups: [] }));
    });

    test("gain only what was named", async () => {
      await bench.warehouse.addColumns({ datasetId: bench.datasetId, table: NEWER_STANDARD }, ["x_groups"]);
      await bench.warehouse.addColumns({ datasetId: bench.datasetId, table: NEWER_STANDARD }, []);

      expect(await columnsOf(STANDARD.name)).toHaveLength(STANDARD.columns.length + 1);
    });

    test.each([
      ["that is REQUIRED", withColumn("x_late", "STRING", "REQUIRED"), "x_late"],
      ["under a name that has another type", withChanged("BilledCost", "STRING"), "BilledCost"],
      ["under a name of another case", withColumn("billedcost", "BIGNUMERIC"), "billedcost"],
      ["that the definition lacks", STANDARD, "no_such"],
      ["of a table that is not there", { ...NEWER_STANDARD, name: "never_made" }, "x_credit"],
    ])("refuse a column %s", async (_what, table, name) => {
      await expectRefused(bench.warehouse.addColumns({ datasetId: bench.datasetId, table }, [name]));

      expect(await columnsOf(STANDARD.name)).toHaveLength(STANDARD.columns.length);
    });

    test("are dropped with their rows, in datasets of that label only, and again without error", async () => {
      const batchId = await bench.written(STANDARD, [standardRow("2026-03-01", "1")]);

      const failure = await bench.warehouse
        .dropTable(bench.datasetId, "platform", STANDARD.name)
        .catch((error: unknown) => error);
      expect(isAppError(failure, "DATASET_NOT_OURS")).toBe(true);
      expect(await bench.costs([[batchId, "2026-03-01"]])).toEqual(["1"]);

      await bench.warehouse.dropTable(bench.datasetId, LABEL, STANDARD.name);
      await bench.warehouse.dropTable(bench.datasetId, LABEL, STANDARD.name);
      expect(await columnsOf(STANDARD.name)).toEqual([]);
      expect(await columnsOf(EVERY_TYPE.name)).toHaveLength(EVERY_TYPE.columns.length);

      expect(await bench.warehouse.ensureTable(bench.datasetId, STANDARD)).toEqual({ created: true });
      expect(await bench.costs([[batchId, "2026-03-01"]])).toEqual([]);
    });
  });
}

function withChanged(name: string, type: "STRING"): TableDefinition {
  return { ...STANDARD, columns: STANDARD.columns.map((each) => (each.name === name ? { ...each, type } : each)) };
}
