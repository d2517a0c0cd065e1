import { orgAccess } from "#shared/access/caller.ts";
import { MembersList, MembersQuery, membersOf } from "#shared/members/members-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/organizations/{org}/members",
  summary: "The organization's people, its open invites and its seats",
  access: orgAccess("members:read"),
  uses: ["documents"],
  query: MembersQuery,
  response: MembersList,
  errors: ["INVALID_CURSOR"],
  handle: ({ org, query }, { documents }) => membersOf(org, query, documents),
});
