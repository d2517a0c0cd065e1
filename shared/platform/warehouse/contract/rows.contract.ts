import { describe, expect, test } from "vitest";
import { frameOf, rowsOf } from "../frame.ts";
import { BY_INSTANT, EVERY_TYPE, STANDARD, UNPARTITIONED } from "./contract-tables.ts";
import { byProvider, everyTypeRow, everyTypeRows, standardRow, sumOf, type WarehouseBench } from "./warehouse-bench.ts";

export function warehouseRows(bench: WarehouseBench): void {
  describe("rows", () => {
    test("come back as they were written, every type, decimals to the last digit", async () => {
      const rows = everyTypeRows();
      const batchId = await bench.written(EVERY_TYPE, rows);

      const frame = await bench.read(EVERY_TYPE, [[batchId, "2028-02-29", "2026-12-31"]]);

      const expected = frameOf(
        EVERY_TYPE,
        rows.map((row) => ({ ...row, x_batch_id: batchId })),
      );
      expect(frame.columns).toEqual(expected.columns);
      expect(frame.dtypes.map(String)).toEqual(expected.dtypes.map(String));
      expect(byProvider(rowsOf(frame, EVERY_TYPE))).toEqual(byProvider(rowsOf(expected, EVERY_TYPE)));
    });

    test("keep the digits of amounts as written text says", async () => {
      const amounts = ["99999999999999999999999999.999999999999", "0.000000000001", "-0.000000000001", "-12.5", "0"];
      const batchId = await bench.written(
        STANDARD,
        amounts.map((cost) => standardRow("2026-03-01", cost)),
      );

      expect(await bench.costs([[batchId, "2026-03-01"]])).toEqual([...amounts].sort());
    });

    test("keep null apart from 0, false, empty text and an empty list", async () => {
      const batchId = await bench.written(EVERY_TYPE, [
        { ...everyTypeRow("a"), note: null, seats: null, credit: null, is_final: null, share: null, tags: [] },
        { ...everyTypeRow("b"), note: "", seats: 0, credit: "0", is_final: false, share: 0, tags: [""] },
      ]);

      const frame = await bench.read(EVERY_TYPE, [[batchId, "2026-12-31"]]);

      const [a, b] = byProvider(rowsOf(frame, EVERY_TYPE));
      expect(a).toMatchObject({ note: null, seats: null, credit: null, is_final: null, share: null, tags: [] });
      expect(b).toMatchObject({ note: "", seats: 0, credit: "0", is_final: false, share: 0, tags: [""] });
    });

    test("keep text in any script, quotes, line ends and control characters", async () => {
      const notes = ["Zürich", "東京", "👩‍🚀", 'a "quoted" \\ text', "two\nlines\r\n", "tab\tnul\u0000", "`--boundary"];
      const batchId = await bench.written(
        EVERY_TYPE,
        notes.map((note) => ({ ...everyTypeRow(note), note, tags: [note] })),
      );

      const frame = await bench.read(EVERY_TYPE, [[batchId, "2026-12-31"]], ["note", "tags"]);

      const rows = rowsOf(frame, EVERY_TYPE);
      expect(rows.map((row) => row["note"]).sort()).toEqual([...notes].sort());
      expect(rows.flatMap((row) => row["tags"]).sort()).toEqual([...notes].sort());
    });

    test("lie on the UTC day of their instant", async () => {
      const batchId = await bench.written(BY_INSTANT, [
        { sampled_at: "2026-02-28T23:59:59.999999Z", quantity: "1" },
        { sampled_at: "2026-03-01T00:30:00+01:00", quantity: "2" },
        { sampled_at: "2026-03-01T00:00:00Z", quantity: "4" },
      ]);

      const first = await bench.read(BY_INSTANT, [[batchId, "2026-02-28"]]);
      const second = await bench.read(BY_INSTANT, [[batchId, "2026-03-01"]]);

      expect(sumOf(first, "quantity")).toBe("3");
      expect(sumOf(second, "quantity")).toBe("4");
    });

    test("of a table without partitions are found by their batch", async () => {
      const batchId = await bench.written(UNPARTITIONED, [{ name: "x" }, { name: "y" }]);
      await bench.written(UNPARTITIONED, [{ name: "z" }]);

      const frame = await bench.read(UNPARTITIONED, [[batchId]], ["name"]);

      expect(frame.getColumn("name").toArray().sort()).toEqual(["x", "y"]);
    });

    test("come in thousands without loss", async () => {
      const rows = Array.from({ length: 5_000 }, (_, index) =>
        standardRow("2026-03-01", `0.${String(index + 1).padStart(12, "0")}`),
      );
      const batchId = await bench.written(STANDARD, rows);

      const frame = await bench.read(STANDARD, [[batchId, "2026-03-01"]], ["BilledCost", "x_row_id"]);

      expect(frame.height).toBe(5_000);
      expect(sumOf(frame, "BilledCost")).toBe("0.0000125025");
    });
  });
}
