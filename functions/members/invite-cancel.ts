import { orgAccess } from "#shared/access/caller.ts";
import { CancelAnswer, cancelInvite } from "#shared/members/invite-changes.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "DELETE",
  path: "/api/v1/organizations/{org}/invites/{invite_id}",
  summary: "End an invite and free its seat",
  access: orgAccess("members:write"),
  subscription: "any",
  uses: ["documents"],
  response: CancelAnswer,
  errors: ["INVITE_NOT_FOUND", "ROLE_EXCEEDED"],
  audit: {
    action: "invite.cancelled",
    operation: "DELETE",
    resourceType: "invite",
    resourceId: ({ params }) => params.invite_id,
  },
  steps: ({ org, caller, params }, effects) => cancelInvite({ org, caller, inviteId: params.invite_id }, effects),
});
