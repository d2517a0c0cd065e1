import { orgAccess } from "#shared/access/caller.ts";
import { RevokedKey, revokeKey } from "#shared/api-keys/revoke.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "DELETE",
  path: "/api/v1/organizations/{org}/api-keys/{key_id}",
  summary: "Revoke an API key: it is refused everywhere within 10 seconds",
  access: orgAccess("keys:write", { root: true }),
  uses: ["documents"],
  response: RevokedKey,
  errors: ["KEY_NOT_FOUND"],
  subscription: "any",
  audit: { action: "api_key.revoked", operation: "DELETE", resourceType: "api_key" },
  steps: ({ org, params }, effects) => revokeKey(org, params.key_id, effects),
});
