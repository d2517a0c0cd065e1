import { rootAccess } from "#shared/access/caller.ts";
import { createOperatorKey, OperatorKey, OperatorKeyRequest } from "#shared/api-keys/operator-keys.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/admin/api-keys",
  summary: "Make a further API key of an organization, with every scope",
  access: rootAccess(),
  uses: ["documents", "keys"],
  body: OperatorKeyRequest,
  response: OperatorKey,
  statuses: [201],
  secretAnswer: true,
  errors: ["ORG_NOT_FOUND", "PLAN_LIMIT_REACHED"],
  audit: { action: "api_key.issued", operation: "CREATE", resourceType: "api_key" },
  steps: ({ caller, body }, effects, given) => createOperatorKey(body, caller, effects, given),
});
