import { orgAccess } from "#shared/access/caller.ts";
import { CloseRequest, closeCosts } from "#shared/months/close.ts";
import { MonthState } from "#shared/months/month-state.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/costs/{org}/months/{month}/close",
  summary: "Close a month: what it says stays, and what comes later is booked in an open month",
  access: orgAccess("costs:write", { root: true }),
  uses: ["documents", "warehouse", "topics"],
  body: CloseRequest,
  response: MonthState,
  errors: [
    "MONTH_NOT_FOUND",
    "ORG_NOT_FOUND",
    "MONTH_OPEN",
    "MONTH_CLOSED",
    "MONTH_INCOMPLETE",
    "VERSION_CONFLICT",
    "READ_BUSY",
    "WAREHOUSE_UNAVAILABLE",
  ],
  perMinute: 60,
  memory: "1GiB",
  timeoutSeconds: 60,
  concurrency: 8,
  audit: {
    action: "cost_month.closed",
    operation: "UPDATE",
    resourceType: "cost_month",
    resourceId: ({ params }) => params.month,
  },
  steps: ({ org, caller, params, body }, effects, given) =>
    closeCosts({ org, caller, month: params.month, body }, effects, given),
});
