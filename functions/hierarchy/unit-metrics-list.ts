import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { MetricList } from "#shared/unit-economics/metric.ts";
import { listMetrics } from "#shared/unit-economics/metric-store.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/unit-economics/{org}/metrics",
  summary: "The metrics that cost is divided by, and which of their days are missing",
  access: orgAccess("hierarchy:read"),
  uses: ["documents"],
  response: MetricList,
  handle: ({ org }, { documents, clock }) => listMetrics(org, { documents, now: clock.now() }),
});
