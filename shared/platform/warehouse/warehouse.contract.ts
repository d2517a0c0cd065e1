import { afterAll, afterEach, beforeAll, beforeEach, describe } from "vitest";
import { warehouseChanges } from "./contract/changes.contract.ts";
import { warehouseDatasets } from "./contract/datasets.contract.ts";
import { warehouseReads } from "./contract/reads.contract.ts";
import { warehouseRemoval } from "./contract/removal.contract.ts";
import { warehouseRows } from "./contract/rows.contract.ts";
import { warehouseViews } from "./contract/views.contract.ts";
import { WarehouseBench, type WarehouseStore } from "./contract/warehouse-bench.ts";
import { warehouseWrites } from "./contract/writes.contract.ts";

/** What every adapter of the port must do. */
export function warehouseContract(name: string, start: () => Promise<WarehouseStore>): void {
  describe(`warehouse contract: ${name}`, () => {
    const bench = new WarehouseBench(start);

    beforeAll(() => bench.start());
    beforeEach(() => bench.prepare());
    afterEach(() => bench.clear());
    afterAll(() => bench.stop());

    warehouseRows(bench);
    warehouseReads(bench);
    warehouseWrites(bench);
    warehouseRemoval(bench);
    warehouseDatasets(bench);
    warehouseChanges(bench);
    warehouseViews(bench);
  });
}
