import { LRUCache } from "lru-cache";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { PublishedMonth } from "#shared/ledger/current-batches.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import type { MonthFrame } from "./month-frame.ts";

/** Values that never change under their key: what is evicted is built again, nothing ever grows old. */
export interface ExactCache<Value extends object> {
  get(key: string, build: () => Promise<Value>): Promise<{ value: Value; isHit: boolean }>;
}

/** What this process remembers of the published months of one pair of stores. */
export interface CostCaches {
  months: ExactCache<PublishedMonth>;
  frames: ExactCache<MonthFrame>;
}

/** Of the limit, an eighth holds the ledger's days, the rest frames. */
const daysShare = 1 / 8;
const bytesPerDay = 600;

const cachesByStore = new WeakMap<Documents, WeakMap<Warehouse, CostCaches>>();

/** The caches of a pair of stores, made at the first call with the limit given then. */
export function costCaches(documents: Documents, warehouse: Warehouse, maxBytes: number): CostCaches {
  const byWarehouse = cachesByStore.get(documents) ?? new WeakMap<Warehouse, CostCaches>();
  cachesByStore.set(documents, byWarehouse);
  const known = byWarehouse.get(warehouse);
  if (known !== undefined) return known;
  const caches: CostCaches = {
    months: exactCache(Math.floor(maxBytes * daysShare), (month) => 1 + month.days.length * bytesPerDay),
    frames: exactCache(Math.floor(maxBytes * (1 - daysShare)), (frame) => frame.bytes),
  };
  byWarehouse.set(warehouse, caches);
  return caches;
}

/** Everything that decides what a month holds. The ledger's version is part of it, so no entry is ever wrong. */
export function monthKey(
  org: OrgIdentity,
  month: string,
  at: { epoch: number; version: number; cacheEpoch: number },
): string {
  return [org.key, org.orgId, month, at.epoch, at.version, at.cacheEpoch].join("|");
}

/**
 * Least recently used by estimated bytes, one build per key at a time. A value above half of the limit is handed out and
 * not kept; a failed build is forgotten. Source: costs.md 10.
 */
export function exactCache<Value extends object>(
  maxBytes: number,
  bytesOf: (value: Value) => number,
): ExactCache<Value> {
  const kept = new LRUCache<string, Value>({
    maxSize: maxBytes,
    maxEntrySize: Math.max(1, Math.floor(maxBytes / 2)),
    sizeCalculation: (value) => Math.max(1, Math.ceil(bytesOf(value))),
  });
  const building = new Map<string, Promise<Value>>();
  const keep = async (key: string, build: () => Promise<Value>): Promise<Value> => {
    const value = await build();
    kept.set(key, value);
    return value;
  };
  return {
    async get(key, build) {
      const known = kept.get(key);
      if (known !== undefined) return { value: known, isHit: true };
      const started = building.get(key);
      if (started !== undefined) return { value: await started, isHit: false };
      const promise = keep(key, build).finally(() => building.delete(key));
      building.set(key, promise);
      return { value: await promise, isHit: false };
    },
  };
}
