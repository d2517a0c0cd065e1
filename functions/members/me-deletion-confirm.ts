import { publicAccess } from "#shared/access/caller.ts";
import { AccountDeleted, DeletionUse, deleteAccount } from "#shared/account/deletion.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/me/deletion/confirm",
  summary: "Delete the account that a mailed token names",
  access: publicAccess(),
  uses: ["documents"],
  body: DeletionUse,
  response: AccountDeleted,
  errors: ["UNAUTHENTICATED", "OWNER_REQUIRED"],
  limits: [{ per: "address", times: 10, windowSeconds: 600 }],
  audit: { action: "user.deleted", operation: "DELETE", resourceType: "user" },
  steps: ({ body }, effects) => deleteAccount(body, effects),
});
