import { describe, expect, test } from "vitest";
import { rowsOf } from "../frame.ts";
import { EVERY_TYPE, HISTORY, STANDARD, UNPARTITIONED } from "./contract-tables.ts";
import { everyTypeRow, expectRefused, standardRow, type WarehouseBench } from "./warehouse-bench.ts";

export function warehouseRemoval(bench: WarehouseBench): void {
  describe("removal", () => {
    test("takes the named batches and no other, and may be repeated", async () => {
      const source = { datasetId: bench.datasetId, table: STANDARD };
      const gone = await bench.written(STANDARD, [standardRow("2026-03-01", "1"), standardRow("2026-03-02", "2")]);
      const kept = await bench.written(STANDARD, [standardRow("2026-03-01", "4")]);

      await bench.warehouse.remove(source, [gone, "never-written"]);
      await bench.warehouse.remove(source, [gone]);
      await bench.warehouse.remove(source, []);

      expect(
        await bench.costs([
          [gone, "2026-03-01", "2026-03-02"],
          [kept, "2026-03-01"],
        ]),
      ).toEqual(["4"]);
    });

    test("works on tables that require a partition filter", async () => {
      const batchId = await bench.written(EVERY_TYPE, [everyTypeRow("a")]);

      await bench.warehouse.remove({ datasetId: bench.datasetId, table: EVERY_TYPE }, [batchId]);

      expect((await bench.read(EVERY_TYPE, [[batchId, "2026-12-31"]])).height).toBe(0);
    });

    test("is not undone by a late repeat of the write", async () => {
      const batch = bench.batchOf(STANDARD, [standardRow("2026-03-01", "1")]);
      await bench.warehouse.write(batch);
      await bench.warehouse.remove({ datasetId: bench.datasetId, table: STANDARD }, [batch.batchId]);

      await bench.open().write(batch);

      expect(await bench.costs([[batch.batchId, "2026-03-01"]])).toEqual([]);
    });

    test("of an organization leaves every other organization's rows as they were", async () => {
      const mixed = await bench.written(EVERY_TYPE, [
        { ...everyTypeRow("a"), x_org_slug: "acme", cost: "1.000000000001" },
        { ...everyTypeRow("b"), x_org_slug: "acme_2", cost: "2.000000000002" },
      ]);
      const theirs = await bench.written(EVERY_TYPE, [{ ...everyTypeRow("c"), x_org_slug: "acme" }]);
      const source = { datasetId: bench.datasetId, table: EVERY_TYPE };

      await bench.warehouse.eraseOrganization(source, "acme");
      await bench.warehouse.eraseOrganization(source, "acme");

      const frame = await bench.read(EVERY_TYPE, [
        [mixed, "2026-12-31"],
        [theirs, "2026-12-31"],
      ]);
      expect(rowsOf(frame, EVERY_TYPE)).toMatchObject([
        { x_org_slug: "acme_2", cost: "2.000000000002", provider: "b" },
      ]);
    });

    test("of an organization does not let a repeated write bring its rows back", async () => {
      const batch = bench.batchOf(EVERY_TYPE, [{ ...everyTypeRow("a"), x_org_slug: "acme" }, everyTypeRow("b")]);
      await bench.warehouse.write(batch);
      await bench.warehouse.eraseOrganization({ datasetId: bench.datasetId, table: EVERY_TYPE }, "acme");

      await bench.open().write(batch);

      expect((await bench.read(EVERY_TYPE, [[batch.batchId, "2026-12-31"]])).height).toBe(1);
    });

    test("of an organization works on history and is refused where no column names one", async () => {
      await bench.written(HISTORY, [{ event_id: "e1", org_slug: "acme", created_at: "2026-03-01T00:00:00Z" }]);

      await bench.warehouse.eraseOrganization({ datasetId: bench.datasetId, table: HISTORY }, "acme");

      await expectRefused(
        bench.warehouse.eraseOrganization({ datasetId: bench.datasetId, table: UNPARTITIONED }, "acme"),
      );
    });
  });
}
