import type { Batch, BatchDays, TableSource, Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import type { PlainFrame } from "./plain-frames.ts";
import type { SimulatedProcess } from "./process.ts";

/** Batches of all processes, and how often each was written. */
export interface SimulatedBatches {
  frames: Map<string, { contentHash: string; frame: PlainFrame }>;
  writes: Map<string, number>;
}

/** The part of the warehouse port that runs use, in memory. */
export function simulatedWarehouse(batches: SimulatedBatches, process: SimulatedProcess): Warehouse {
  const verbs = {
    write: ({ batchId, contentHash, rows }: Batch) =>
      process.call(`write ${batchId.slice(31)}`, "WAREHOUSE_UNAVAILABLE", () => {
        batches.writes.set(batchId, (batches.writes.get(batchId) ?? 0) + 1);
        const known = batches.frames.get(batchId);
        if (known === undefined) batches.frames.set(batchId, { contentHash, frame: rows as unknown as PlainFrame });
        else if (known.contentHash !== contentHash) throw new Error(`two contents of the batch ${batchId}`);
      }),
    read: ({ table }: TableSource, parts: readonly BatchDays[], columns: readonly string[]) =>
      process.call("read rows", "WAREHOUSE_UNAVAILABLE", (): PlainFrame => {
        const field = table.partition?.field ?? "";
        const rows = parts.flatMap(({ batchId, days }) => {
          const known = batches.frames.get(batchId);
          if (known === undefined) throw new Error(`the batch ${batchId} is not there`);
          return known.frame.rows.filter((row) => days.includes(String(row[field])));
        });
        return { rows: rows.map((row) => Object.fromEntries(columns.map((name) => [name, row[name] ?? null]))) };
      }),
  };
  return new Proxy(verbs, {
    get(target, verb) {
      const known: unknown = Reflect.get(target, verb);
      if (known === undefined) throw new Error(`the simulation has no warehouse.${String(verb)}`);
      return known;
    },
  }) as unknown as Warehouse;
}
