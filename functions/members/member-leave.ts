import { orgAccess } from "#shared/access/caller.ts";
import { DepartureAnswer, leaveOrganization } from "#shared/members/member-changes.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/organizations/{org}/leave",
  summary: "End one's own membership; the owner transfers the ownership first",
  access: orgAccess("org:read", { peopleOnly: true }),
  subscription: "any",
  uses: ["documents"],
  response: DepartureAnswer,
  errors: ["MEMBER_NOT_FOUND", "OWNER_REQUIRED"],
  audit: { action: "member.left", operation: "DELETE", resourceType: "member" },
  steps: ({ org, caller }, effects) => leaveOrganization({ org, caller }, effects),
});
