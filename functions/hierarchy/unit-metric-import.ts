import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import {
  importBodyBytes,
  importValues,
  MetricImport,
  MetricImportRequest,
} from "#shared/unit-economics/values-write.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/unit-economics/{org}/metrics/{metric}/import",
  summary: "Take a metric's values from a CSV file that is checked whole before anything is written",
  access: orgAccess("hierarchy:write"),
  uses: ["documents"],
  body: MetricImportRequest,
  bodyBytes: importBodyBytes,
  response: MetricImport,
  errors: ["METRIC_NOT_FOUND", "IMPORT_TOO_LARGE", "METRIC_IMPORT_INVALID", "DAY_TOO_LARGE", "VERSION_CONFLICT"],
  audit: { action: "unit_metric.imported", operation: "UPDATE", resourceType: "unit_metric" },
  timeoutSeconds: 300,
  steps: ({ org, caller, params, body }, effects, given) =>
    importValues({ org, caller, metric: params.metric, request: body }, effects, given),
});
