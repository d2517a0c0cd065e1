import { metricsInUse } from "#shared/entity-references/allocation-input.ts";
import { countedDays, type PublishedMonth } from "#shared/ledger/current-batches.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import { metricWeightsOf } from "#shared/unit-economics/metric-weights.ts";
import { conversionKey, conversionOf } from "./conversion.ts";
import { monthsBetween } from "./dates.ts";
import { buildEntityFrame } from "./entity-frame.ts";
import { monthKey } from "./frame-cache.ts";
import { buildMonthFrame, type MonthFrame } from "./month-frame.ts";
import type { MonthSource } from "./month-source.ts";
import type { CostRead } from "./read-summary.ts";
import { usageOfMonth } from "./usage-lines.ts";

/** The frames of one read, and the groups made of them: built, or remembered. */
export interface FrameReader {
  /** The published months of the range. */
  months: readonly PublishedMonth[];
  /** Holds the month's frame once it was asked for. */
  monthOf(month: PublishedMonth): MonthSource;
  /** Whether all that was asked for so far was remembered. */
  isHit(): boolean;
}

interface FrameStores {
  documents: Documents;
  warehouse: Warehouse;
}

/** A frame under exactly what decides it. */
interface KeyedFrame {
  key: string;
  build: () => Promise<MonthFrame>;
}

/** With an allocation the frames have the entity keys. */
export function frameReader(read: CostRead, stores: FrameStores): FrameReader {
  const { range, snapshot, caches } = read;
  const published = new Map(snapshot.months.map((month) => [month.month, month]));
  let isHit = true;
  const remembered = async <Value>(found: Promise<{ value: Value; isHit: boolean }>): Promise<Value> => {
    const known = await found;
    isHit &&= known.isHit;
    return known.value;
  };
  return {
    months: monthsBetween(range.start, range.end).flatMap((month) => published.get(month) ?? []),
    isHit: () => isHit,
    monthOf: (month) => {
      const { key, build } = keyedFrame(month, read, stores);
      let frame: Promise<MonthFrame> | undefined;
      return {
        ...daysOf(month),
        frame: () => {
          // Also a frame that is too large to be kept is built once for all groups of this read.
          frame ??= remembered(caches.frames.get(key, build));
          return frame;
        },
        groups: async (name, make) => (await caches.groups.get(`${key}|${name}`, make)).value,
      };
    },
  };
}

/** The ledger's version, the rates and, where the read has an allocation, its structure, rules and defaults decide. */
function keyedFrame(
  month: PublishedMonth,
  { org, snapshot, conversion: conversions, document, facts, allocation }: CostRead,
  { documents, warehouse }: FrameStores,
): KeyedFrame {
  const source = { datasetId: document.dataset.id, table: facts.costTable };
  const conversion = conversionOf(month.month, conversions);
  const rows = monthKey(org, month.month, { ...snapshot, version: month.version });
  const key = `${rows}|${conversionKey(month, conversion)}`;
  if (allocation === undefined) return { key, build: () => buildMonthFrame(month, source, { warehouse, conversion }) };
  // Spread cost is weighed in the organization's own currency whatever is asked for.
  const weightConversion = { ...conversion, currency: document.locale.defaultCurrency };
  const usage = usageOfMonth(allocation.input, month.month, snapshot.months);
  return {
    key: [key, allocation.fingerprint, usage.versions, conversionKey(month, weightConversion)].join("|"),
    build: async () => {
      const metrics = metricsInUse(allocation);
      const weighing = { org, tree: allocation.input.tree, metrics, month: month.month };
      const metricWeights = await metricWeightsOf(weighing, documents);
      const used = await usage.read({ datasetId: source.datasetId, warehouse, tables: facts.usageTables });
      const input = { ...used, metricWeights };
      return buildEntityFrame(month, source, { warehouse, conversion, weightConversion, input });
    },
  };
}

/** First and last day with rows; where there are none, nothing is left out either. */
function daysOf(month: PublishedMonth): { first: string; last: string } {
  let [first, last] = [`${month.month}-31`, `${month.month}-01`];
  for (const { day } of countedDays(month)) {
    if (day < first) first = day;
    if (day > last) last = day;
  }
  return { first, last };
}
