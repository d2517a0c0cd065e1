import { orgAccess } from "#shared/access/caller.ts";
import { DepartureAnswer, removeMember } from "#shared/members/member-changes.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "DELETE",
  path: "/api/v1/organizations/{org}/members/{user_id}",
  summary: "End a membership and free its seat",
  access: orgAccess("members:write"),
  subscription: "any",
  uses: ["documents"],
  response: DepartureAnswer,
  errors: ["MEMBER_NOT_FOUND", "ROLE_EXCEEDED", "OWNER_REQUIRED"],
  audit: { action: "member.removed", operation: "DELETE", resourceType: "member" },
  steps: ({ org, caller, params }, effects) => removeMember({ org, caller, userId: params.user_id }, effects),
});
