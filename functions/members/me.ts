import { sessionAccess } from "#shared/access/caller.ts";
import { Me, me } from "#shared/account/me.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/me",
  summary: "The signed-in person, their organizations and open invites",
  access: sessionAccess(),
  uses: ["documents"],
  response: Me,
  handle: ({ caller }, { documents }) => me(caller, documents),
});
