import { sessionAccess } from "#shared/access/caller.ts";
import { DeletionSent, requestDeletion } from "#shared/account/deletion.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/me/deletion",
  summary: "Mail the link that deletes the signed-in person's account",
  access: sessionAccess(),
  uses: ["documents", "keys"],
  response: DeletionSent,
  statuses: [202],
  errors: ["OWNER_REQUIRED"],
  perMinute: 5,
  audit: { action: "user.deletion_requested", operation: "CREATE", resourceType: "user" },
  steps: ({ caller }, effects, given) => requestDeletion(caller, effects, given),
});
