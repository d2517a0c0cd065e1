import type { PublishedMonth } from "#shared/ledger/current-batches.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { conversionKey } from "./conversion.ts";
import { monthsBetween } from "./dates.ts";
import { buildEntityFrame } from "./entity-frame.ts";
import { monthKey } from "./frame-cache.ts";
import { buildMonthFrame, type MonthFrame } from "./month-frame.ts";
import type { CostRead } from "./read-summary.ts";

/** The frames of one read, built or remembered. */
export interface FrameReader {
  /** The published months of the range. */
  months: readonly PublishedMonth[];
  frameOf(month: PublishedMonth): Promise<MonthFrame>;
  /** Whether all frames so far were remembered. */
  isHit(): boolean;
}

/**
 * Frames under exactly what decides them: the ledger's version, the rates and, where the read has an allocation, its
 * structure, rules and defaults. With an allocation they have the entity keys.
 */
export function frameReader(
  { org, range, snapshot, caches, conversion, document, facts, allocation }: CostRead,
  { warehouse }: { warehouse: Warehouse },
): FrameReader {
  const source = { datasetId: document.dataset.id, table: facts.costTable };
  const published = new Map(snapshot.months.map((month) => [month.month, month]));
  let isHit = true;
  return {
    months: monthsBetween(range.start, range.end).flatMap((month) => published.get(month) ?? []),
    isHit: () => isHit,
    frameOf: async (month) => {
      const rows = monthKey(org, month.month, { ...snapshot, version: month.version });
      const key = `${rows}|${conversionKey(month, conversion)}|${allocation?.fingerprint ?? ""}`;
      const frame = await caches.frames.get(key, () =>
        allocation === undefined
          ? buildMonthFrame(month, source, { warehouse, conversion })
          : buildEntityFrame(month, source, { warehouse, conversion, input: allocation.input }),
      );
      isHit &&= frame.isHit;
      return frame.value;
    },
  };
}
