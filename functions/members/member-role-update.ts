import { orgAccess } from "#shared/access/caller.ts";
import { MemberAnswer } from "#shared/members/member.ts";
import { RoleUpdate, updateRole } from "#shared/members/member-changes.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "PUT",
  path: "/api/v1/organizations/{org}/members/{user_id}",
  summary: "Give a member another role; admin is the owner's to grant and to take",
  access: orgAccess("members:write"),
  subscription: "any",
  uses: ["documents"],
  body: RoleUpdate,
  response: MemberAnswer,
  errors: ["MEMBER_NOT_FOUND", "ROLE_EXCEEDED", "OWNER_REQUIRED"],
  audit: { action: "member.role_changed", operation: "UPDATE", resourceType: "member" },
  steps: ({ org, caller, params, body }, effects) =>
    updateRole({ org, caller, userId: params.user_id, role: body.role }, effects),
});
