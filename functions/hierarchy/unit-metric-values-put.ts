import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { putValues, ValuesPut, ValuesRequest } from "#shared/unit-economics/values-write.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/unit-economics/{org}/metrics/{metric}/values",
  summary: "Add a metric's values, or put them in the place of older ones",
  access: orgAccess("hierarchy:write"),
  uses: ["documents"],
  body: ValuesRequest,
  response: ValuesPut,
  errors: ["METRIC_NOT_FOUND", "DAY_TOO_LARGE", "VERSION_CONFLICT"],
  audit: { action: "unit_metric.values_put", operation: "UPDATE", resourceType: "unit_metric" },
  timeoutSeconds: 120,
  steps: ({ org, caller, params, body }, effects, given) =>
    putValues({ org, caller, metric: params.metric, request: body }, effects, given),
});
