import { orgAccess } from "#shared/access/caller.ts";
import { MonthState } from "#shared/months/month-state.ts";
import { ReopenRequest, reopenCosts } from "#shared/months/reopen.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/costs/{org}/months/{month}/reopen",
  summary: "Reopen a closed month: what came since becomes current, and its automatic adjustments are withdrawn",
  access: orgAccess("costs:write", { root: true }),
  uses: ["documents", "topics"],
  body: ReopenRequest,
  response: MonthState,
  errors: ["MONTH_NOT_FOUND", "ORG_NOT_FOUND", "MONTH_NOT_CLOSED", "ADJUSTMENT_IN_CLOSED_MONTH", "VERSION_CONFLICT"],
  perMinute: 60,
  audit: {
    action: "cost_month.reopened",
    operation: "UPDATE",
    resourceType: "cost_month",
    resourceId: ({ params }) => params.month,
  },
  steps: ({ org, params, body }, effects) => reopenCosts({ org, month: params.month, body }, effects),
});
