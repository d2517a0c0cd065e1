import { orgAccess } from "#shared/access/caller.ts";
import { RotatedPrimaryKey, RotatePrimaryRequest, rotatePrimaryKey } from "#shared/api-keys/rotate.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/organizations/{org}/api-key/rotate",
  summary: "Replace the organization's primary API key; the old one ends at once unless an overlap is asked for",
  access: orgAccess("keys:write", { root: true }),
  uses: ["documents", "keys"],
  body: RotatePrimaryRequest,
  response: RotatedPrimaryKey,
  secretAnswer: true,
  errors: ["SCOPE_EXCEEDED", "PLAN_LIMIT_REACHED", "SUBSCRIPTION_INACTIVE"],
  audit: { action: "api_key.rotated", operation: "ROTATE", resourceType: "api_key" },
  steps: ({ org, caller, body }, effects, given) =>
    rotatePrimaryKey({ org, caller, overlapHours: body.overlap_hours }, effects, given),
});
