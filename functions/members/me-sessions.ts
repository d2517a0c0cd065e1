import { sessionAccess } from "#shared/access/caller.ts";
import { OwnSessions, ownSessions } from "#shared/account/sessions.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/me/sessions",
  summary: "Where the signed-in person is signed in",
  access: sessionAccess(),
  uses: ["documents"],
  response: OwnSessions,
  handle: ({ caller }, given) => ownSessions(caller, given),
});
