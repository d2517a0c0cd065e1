import { orgAccess } from "#shared/access/caller.ts";
import { rangeReadErrors } from "#shared/costs/cost-query.ts";
import { UnitReport, UnitReportQuery, unitReport } from "#shared/rollup/unit-report.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/unit-economics/{org}/report",
  summary: "What one unit of a metric cost, by period and by value of its dimension",
  access: orgAccess("hierarchy:read", { also: "costs:read" }),
  uses: ["documents", "warehouse"],
  query: UnitReportQuery,
  response: UnitReport,
  errors: [...rangeReadErrors, "METRIC_NOT_FOUND"],
  perMinute: 60,
  memory: "1GiB",
  timeoutSeconds: 60,
  concurrency: 8,
  handle: ({ org, query }, given) => unitReport({ org, query }, given),
});
