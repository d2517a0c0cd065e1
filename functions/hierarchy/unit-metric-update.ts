import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { MetricAnswer, MetricUpdate } from "#shared/unit-economics/metric.ts";
import { updateMetric } from "#shared/unit-economics/metric-changes.ts";

export default httpFunction({
  method: "PUT",
  path: "/api/v1/unit-economics/{org}/metrics/{metric}",
  summary: "Change a metric, whole or in part; what its values mean is fixed once there are any",
  access: orgAccess("hierarchy:write"),
  uses: ["documents"],
  body: MetricUpdate,
  response: MetricAnswer,
  errors: ["METRIC_NOT_FOUND", "METRIC_HAS_VALUES", "METRIC_IN_USE", "VERSION_CONFLICT", "HIERARCHY_ENTITY_UNKNOWN"],
  audit: { action: "unit_metric.updated", operation: "UPDATE", resourceType: "unit_metric" },
  steps: ({ org, caller, params, body }, effects) =>
    updateMetric({ org, caller, metric: params.metric, request: body }, effects),
});
