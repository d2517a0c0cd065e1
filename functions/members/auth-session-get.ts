import { sessionAccess } from "#shared/access/caller.ts";
import { personCaller } from "#shared/account/person-caller.ts";
import { ownSession, SessionAnswer } from "#shared/account/session-answer.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/auth/session",
  summary: "Who is signed in, and the token for requests that change something",
  access: sessionAccess(),
  uses: ["documents", "keys"],
  response: SessionAnswer,
  handle: ({ caller }, given) => ownSession(personCaller(caller), given),
});
