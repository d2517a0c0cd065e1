import { type Static, Type } from "@sinclair/typebox";
import { strictObject } from "#shared/runtime/schema.ts";
import { registryLookUps } from "./registry.ts";

const count = Type.Integer({ minimum: 0 });

export const CacheMetrics = strictObject({
  hits: count,
  misses: count,
  invalidations: count,
  hit_rate: Type.Number({ minimum: 0, maximum: 1 }),
  total_requests: count,
});
type CacheMetrics = Static<typeof CacheMetrics>;

/** Of this process; the registry is read once and never forgotten, so nothing is ever invalidated. */
export function registryCacheMetrics(): CacheMetrics {
  const { hits, misses } = registryLookUps();
  const total = hits + misses;
  return { hits, misses, invalidations: 0, hit_rate: total === 0 ? 0 : hits / total, total_requests: total };
}
