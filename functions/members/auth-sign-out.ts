import { sessionAccess } from "#shared/access/caller.ts";
import { SignedOut, signOut } from "#shared/account/sessions.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "DELETE",
  path: "/api/v1/auth/session",
  summary: "End this session and its tokens",
  access: sessionAccess(),
  uses: ["documents"],
  response: SignedOut,
  audit: { action: "session.ended", operation: "DELETE", resourceType: "session" },
  steps: ({ caller, client }, effects) => signOut(caller, client, effects),
});
