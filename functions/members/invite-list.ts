import { orgAccess } from "#shared/access/caller.ts";
import { InvitesList, InvitesQuery, invitesOf } from "#shared/members/members-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/organizations/{org}/invites",
  summary: "Invites of the organization, the newest first",
  access: orgAccess("members:read"),
  uses: ["documents"],
  query: InvitesQuery,
  response: InvitesList,
  errors: ["INVALID_CURSOR"],
  handle: ({ org, query }, { documents }) => invitesOf(org, query, documents),
});
