import { sessionAccess } from "#shared/access/caller.ts";
import { revokeOwnSession, SessionRevoked } from "#shared/account/sessions.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "DELETE",
  path: "/api/v1/me/sessions/{session_id}",
  summary: "End one session of the signed-in person",
  access: sessionAccess(),
  uses: ["documents"],
  response: SessionRevoked,
  errors: ["SESSION_NOT_FOUND"],
  audit: { action: "session.ended", operation: "DELETE", resourceType: "session" },
  steps: ({ caller, params }, effects) => revokeOwnSession(caller, params.session_id, effects),
});
