import { Type } from "@sinclair/typebox";
import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { deleteMetric } from "#shared/unit-economics/metric-changes.ts";

export default httpFunction({
  method: "DELETE",
  path: "/api/v1/unit-economics/{org}/metrics/{metric}",
  summary: "Hide a metric; its values are kept for 400 days",
  access: orgAccess("hierarchy:write"),
  uses: ["documents"],
  response: Type.Null(),
  statuses: [204],
  errors: ["METRIC_NOT_FOUND", "METRIC_IN_USE"],
  audit: { action: "unit_metric.deleted", operation: "DELETE", resourceType: "unit_metric" },
  steps: ({ org, caller, params }, effects) => deleteMetric({ org, caller, metric: params.metric }, effects),
});
