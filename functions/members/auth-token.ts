import { sessionAccess } from "#shared/access/caller.ts";
import { AccessToken, issueAccessToken } from "#shared/account/sessions.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/auth/token",
  summary: "An access token of 15 minutes for programs of the signed-in person; needs the session cookie",
  access: sessionAccess(),
  uses: ["documents", "keys"],
  response: AccessToken,
  handle: ({ caller, client }, given) => issueAccessToken(caller, client, given),
});
