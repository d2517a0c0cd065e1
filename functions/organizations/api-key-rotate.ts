import { orgAccess } from "#shared/access/caller.ts";
import { RotatedKey, RotateRequest, rotateKey } from "#shared/api-keys/rotate.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/organizations/{org}/api-keys/{key_id}/rotate",
  summary: "Replace an API key by a fresh one; the old one works until the overlap ends",
  access: orgAccess("keys:write", { root: true }),
  uses: ["documents", "keys"],
  body: RotateRequest,
  response: RotatedKey,
  secretAnswer: true,
  errors: [
    "KEY_NOT_FOUND",
    "KEY_ALREADY_ROTATED",
    "KEY_NOT_ACTIVE",
    "SCOPE_EXCEEDED",
    "PLAN_LIMIT_REACHED",
    "SUBSCRIPTION_INACTIVE",
  ],
  audit: { action: "api_key.rotated", operation: "ROTATE", resourceType: "api_key" },
  steps: ({ org, caller, params, body }, effects, given) =>
    rotateKey({ org, caller, keyId: params.key_id, overlapHours: body.overlap_hours }, effects, given),
});
