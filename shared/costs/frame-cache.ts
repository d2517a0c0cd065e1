import { LRUCache } from "lru-cache";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { PublishedMonth } from "#shared/ledger/current-batches.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { Warehouse } from "#shared/platform/warehouse/warehouse.ts";
import type { MonthFrame } from "./month-frame.ts";
import type { SumsByKey } from "./month-source.ts";

/** Values that never change under their key: what is evicted is built again, nothing ever grows old. */
export interface ExactCache<Value extends object> {
  get(key: string, build: () => Promise<Value>): Promise<{ value: Value; isHit: boolean }>;
}

/** What this process remembers of the published months of one pair of stores. */
export interface CostCaches {
  months: ExactCache<PublishedMonth>;
  frames: ExactCache<MonthFrame>;
  /** Groups of the rows of one month. */
  groups: ExactCache<readonly SumsByKey[]>;
}

/** Of the limit, an eighth holds the ledger's days, an eighth groups, the rest frames. */
const daysShare = 1 / 8;
const groupsShare = 1 / 8;
const bytesPerDay = 600;
const bytesPerGroup = 1_500;
/** Each holds all rows of a month while it lasts. Source: costs.md 10, row "concurrency". */
const framesBuiltAtOnce = 2;

const cachesByStore = new WeakMap<Documents, WeakMap<Warehouse, CostCaches>>();

/** The caches of a pair of stores, made at the first call with the limit given then. */
export function costCaches(documents: Documents, warehouse: Warehouse, maxBytes: number): CostCaches {
  const byWarehouse = cachesByStore.get(documents) ?? new WeakMap<Warehouse, CostCaches>();
  cachesByStore.set(documents, byWarehouse);
  const known = byWarehouse.get(warehouse);
  if (known !== undefined) return known;
  const caches: CostCaches = {
    months: exactCache(Math.floor(maxBytes * daysShare), (month) => 1 + month.days.length * bytesPerDay),
    frames: exactCache(
      Math.floor(maxBytes * (1 - daysShare - groupsShare)),
      (frame) => frame.bytes,
      inTurns(framesBuiltAtOnce),
    ),
    groups: exactCache(Math.floor(maxBytes * groupsShare), (groups) => (1 + groups.length) * bytesPerGroup),
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
 * not kept; a failed build is forgotten. `run` says when a build may begin: at once, unless given. Source: costs.md 10.
 */
export function exactCache<Value extends object>(
  maxBytes: number,
  bytesOf: (value: Value) => number,
  run: (build: () => Promise<Value>) => Promise<Value> = (build) => build(),
): ExactCache<Value> {
  const kept = new LRUCache<string, Value>({
    maxSize: maxBytes,
    maxEntrySize: Math.max(1, Math.floor(maxBytes / 2)),
    sizeCalculation: (value) => Math.max(1, Math.ceil(bytesOf(value))),
  });
  const building = new Map<string, Promise<Value>>();
  const keep = async (key: string, build: () => Promise<Value>): Promise<Value> => {
    const value = await run(build);
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

/** Runs so many works at a time, the others in the order they were asked for. A work must not wait for another one. */
export function inTurns(atOnce: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  const waiting: (() => void)[] = [];
  let free = atOnce;
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((begin) => waiting.push(begin));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
