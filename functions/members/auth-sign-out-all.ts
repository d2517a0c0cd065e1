import { sessionAccess } from "#shared/access/caller.ts";
import { SignedOut, signOutEverywhere } from "#shared/account/sessions.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/auth/sign-out-all",
  summary: "End every session and token of the signed-in person",
  access: sessionAccess(),
  uses: ["documents"],
  response: SignedOut,
  audit: { action: "session.all_ended", operation: "DELETE", resourceType: "session" },
  steps: ({ caller, client }, effects) => signOutEverywhere(caller, client, effects),
});
