import { orgAccess } from "#shared/access/caller.ts";
import { AdjustmentList, AdjustmentsQuery, listAdjustments } from "#shared/months/adjustments-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/costs/{org}/months/{month}/adjustments",
  summary: "The rows in other months that correct a closed one, by people and by late data",
  access: orgAccess("costs:read", { root: true }),
  uses: ["documents", "warehouse"],
  query: AdjustmentsQuery,
  response: AdjustmentList,
  errors: ["MONTH_NOT_FOUND", "INVALID_CURSOR", "ORG_NOT_FOUND", "WAREHOUSE_UNAVAILABLE"],
  perMinute: 60,
  memory: "1GiB",
  timeoutSeconds: 60,
  concurrency: 8,
  handle: ({ org, params, query }, given) => listAdjustments({ org, month: params.month, query }, given),
});
