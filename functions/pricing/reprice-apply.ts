import { orgAccess } from "#shared/access/caller.ts";
import { applyReprice } from "#shared/pipelines/apply-reprice.ts";
import { RepriceApplied, RepriceApplyRequest } from "#shared/reprices/reprice.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/genai/{org}/reprice/{preview_id}/apply",
  summary: "Publish a preview as a restatement; again answers the first run",
  access: orgAccess("pricing:write"),
  uses: ["documents"],
  body: RepriceApplyRequest,
  response: RepriceApplied,
  statuses: [202],
  errors: ["PREVIEW_NOT_FOUND", "PREVIEW_EXPIRED", "PREVIEW_STALE", "PREVIEW_IS_SCENARIO"],
  audit: { action: "price.reprice_applied", operation: "EXECUTE", resourceType: "reprice" },
  steps: ({ org, caller, params, body, claimedUser, traceparent }, effects, given) =>
    applyReprice(
      { org, caller, repriceId: params.preview_id, request: body, claimedUser, traceparent },
      effects,
      given,
    ),
});
