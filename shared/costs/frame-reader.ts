import { metricsInUse } from "#shared/entity-references/allocation-input.ts";
import type { PublishedMonth } from "#shared/ledger/current-batches.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { metricWeightsOf } from "#shared/unit-economics/metric-weights.ts";
import { conversionKey, conversionOf } from "./conversion.ts";
import { monthsBetween } from "./dates.ts";
import { buildEntityFrame } from "./entity-frame.ts";
import { monthKey } from "./frame-cache.ts";
import { buildMonthFrame, type MonthFrame } from "./month-frame.ts";
import type { CostRead } from "./read-summary.ts";
import { usageOfMonth } from "./usage-lines.ts";

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
  { org, range, snapshot, caches, conversion: conversions, document, facts, allocation }: CostRead,
  { documents, warehouse }: { documents: Documents; warehouse: Warehouse },
): FrameReader {
  const source = { datasetId: document.dataset.id, table: facts.costTable };
  const published = new Map(snapshot.months.map((month) => [month.month, month]));
  let isHit = true;
  return {
    months: monthsBetween(range.start, range.end).flatMap((month) => published.get(month) ?? []),
    isHit: () => isHit,
    frameOf: async (month) => {
      const conversion = conversionOf(month.month, conversions);
      const rows = monthKey(org, month.month, { ...snapshot, version: month.version });
      // Spread cost is weighed in the organization's own currency whatever is asked for.
      const weightConversion = { ...conversion, currency: document.locale.defaultCurrency };
      const usage = allocation && usageOfMonth(allocation.input, month.month, snapshot.months);
      const key = [
        rows,
        conversionKey(month, conversion),
        allocation?.fingerprint ?? "",
        usage?.versions ?? "",
        allocation && conversionKey(month, weightConversion),
      ].join("|");
      const frame = await caches.frames.get(key, async () => {
        if (usage === undefined || allocation === undefined)
          return buildMonthFrame(month, source, { warehouse, conversion });
        const metrics = metricsInUse(allocation);
        const weighing = { org, tree: allocation.input.tree, metrics, month: month.month };
        const metricWeights = await metricWeightsOf(weighing, documents);
        const used = await usage.read({ datasetId: source.datasetId, warehouse, tables: facts.usageTables });
        const input = { ...used, metricWeights };
        return buildEntityFrame(month, source, { warehouse, conversion, weightConversion, input });
      });
      isHit &&= frame.isHit;
      return frame.value;
    },
  };
}
