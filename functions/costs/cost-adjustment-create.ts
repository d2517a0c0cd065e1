import { orgAccess } from "#shared/access/caller.ts";
import { AdjustmentRequest, createAdjustment } from "#shared/months/adjust.ts";
import { AdjustmentAnswer } from "#shared/months/adjustment-answer.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/costs/{org}/months/{month}/adjustments",
  summary: "Correct a closed month by a dated row in an open one",
  access: orgAccess("costs:write", { root: true }),
  uses: ["documents", "warehouse", "topics"],
  body: AdjustmentRequest,
  response: AdjustmentAnswer,
  statuses: [201],
  errors: [
    "MONTH_NOT_FOUND",
    "INVALID_DATE",
    "INVALID_PARAMETER",
    "ORG_NOT_FOUND",
    "HIERARCHY_ENTITY_UNKNOWN",
    "MONTH_NOT_CLOSED",
    "MONTH_CLOSED",
    "VERSION_CONFLICT",
    "WAREHOUSE_UNAVAILABLE",
  ],
  perMinute: 60,
  memory: "1GiB",
  timeoutSeconds: 60,
  concurrency: 8,
  audit: { action: "cost_adjustment.created", operation: "CREATE", resourceType: "cost_adjustment" },
  steps: ({ org, caller, params, body }, effects, given) =>
    createAdjustment({ org, caller, month: params.month, body }, effects, given),
});
