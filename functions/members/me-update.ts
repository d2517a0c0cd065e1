import { sessionAccess } from "#shared/access/caller.ts";
import { MeUpdate, updateMe } from "#shared/account/me.ts";
import { Person } from "#shared/people/person.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "PATCH",
  path: "/api/v1/me",
  summary: "Change name, language or time zone of the signed-in person",
  access: sessionAccess(),
  uses: ["documents"],
  body: MeUpdate,
  response: Person,
  audit: { action: "user.updated", operation: "UPDATE", resourceType: "user" },
  steps: ({ caller, body }, effects) => updateMe(caller, body, effects),
});
