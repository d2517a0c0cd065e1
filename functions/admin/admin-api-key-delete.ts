import { rootAccess } from "#shared/access/caller.ts";
import { deleteOperatorKey } from "#shared/api-keys/operator-keys.ts";
import { RevokedKey } from "#shared/api-keys/revoke.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "DELETE",
  path: "/api/v1/admin/api-keys/{org_api_key_hash}",
  summary: "Revoke the API key of this SHA-256",
  access: rootAccess(),
  uses: ["documents"],
  response: RevokedKey,
  errors: ["KEY_NOT_FOUND"],
  audit: { action: "api_key.revoked", operation: "DELETE", resourceType: "api_key" },
  steps: async ({ params }, effects) => deleteOperatorKey(params.org_api_key_hash, effects),
});
