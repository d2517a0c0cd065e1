import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { listValues, ValuesList, ValuesQuery } from "#shared/unit-economics/values-read.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/unit-economics/{org}/metrics/{metric}/values",
  summary: "A metric's stored values by UTC day and dimension value",
  access: orgAccess("hierarchy:read"),
  uses: ["documents"],
  query: ValuesQuery,
  response: ValuesList,
  errors: ["METRIC_NOT_FOUND", "INVALID_DATE_RANGE", "INVALID_CURSOR"],
  handle: ({ org, params, query }, given) => listValues({ org, metric: params.metric, query }, given),
});
