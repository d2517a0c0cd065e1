import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { MetricAnswer, MetricRequest } from "#shared/unit-economics/metric.ts";
import { createMetric } from "#shared/unit-economics/metric-changes.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/unit-economics/{org}/metrics",
  summary: "Add a metric: customers, requests, revenue, or any other business number",
  access: orgAccess("hierarchy:write"),
  uses: ["documents"],
  body: MetricRequest,
  response: MetricAnswer,
  statuses: [201],
  errors: ["METRIC_EXISTS", "LIMIT_REACHED", "HIERARCHY_ENTITY_UNKNOWN"],
  audit: { action: "unit_metric.created", operation: "CREATE", resourceType: "unit_metric" },
  steps: ({ org, caller, body }, effects) => createMetric({ org, caller, request: body }, effects),
});
