import { rootAccess } from "#shared/access/caller.ts";
import { RotatedPrimaryKey, RotatePrimaryRequest } from "#shared/api-keys/rotate.ts";
import { operatorRotatesPrimary } from "#shared/organizations/operator-rotation.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/admin/organizations/{org}/regenerate-api-key",
  summary: "For older operators' tools: replace an organization's primary API key",
  access: rootAccess(),
  uses: ["documents", "keys"],
  body: RotatePrimaryRequest,
  response: RotatedPrimaryKey,
  secretAnswer: true,
  errors: ["ORG_NOT_FOUND", "PLAN_LIMIT_REACHED"],
  audit: { action: "api_key.rotated", operation: "ROTATE", resourceType: "api_key" },
  steps: ({ params, caller, body }, effects, given) =>
    operatorRotatesPrimary({ slug: params.org, caller, overlapHours: body.overlap_hours }, effects, given),
});
