import { orgAccess } from "#shared/access/caller.ts";
import { CacheMetrics, registryCacheMetrics } from "#shared/pipelines/cache-metrics.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/pipelines/metrics/cache",
  summary: "Use of this instance's copy of the pipeline registry",
  access: orgAccess("pipelines:read", { root: true }),
  uses: [],
  response: CacheMetrics,
  handle: async () => registryCacheMetrics(),
});
