import { orgAccess } from "#shared/access/caller.ts";
import { InviteAnswer } from "#shared/members/invite.ts";
import { resendInvite } from "#shared/members/invite-changes.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/organizations/{org}/invites/{invite_id}/resend",
  summary: "Send an invite again: a new link for 7 days, the old one dead",
  access: orgAccess("members:write"),
  uses: ["documents", "keys"],
  response: InviteAnswer,
  errors: ["INVITE_NOT_FOUND", "INVITE_PENDING", "PLAN_LIMIT_REACHED", "ROLE_EXCEEDED"],
  limits: [
    { name: "invites", per: "organization", times: 10, windowSeconds: 3_600 },
    { name: "invites of a day", per: "organization", times: 50, windowSeconds: 86_400 },
  ],
  audit: {
    action: "invite.resent",
    operation: "UPDATE",
    resourceType: "invite",
    resourceId: ({ params }) => params.invite_id,
  },
  steps: ({ org, caller, params }, effects, given) =>
    resendInvite({ org, caller, inviteId: params.invite_id }, effects, given),
});
