import { orgAccess } from "#shared/access/caller.ts";
import { InviteAnswer } from "#shared/members/invite.ts";
import { createInvite, InviteRequest } from "#shared/members/invite-create.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/organizations/{org}/invites",
  summary: "Invite somebody by e-mail for 7 days; the invite holds a seat",
  access: orgAccess("members:write"),
  uses: ["documents", "keys"],
  body: InviteRequest,
  response: InviteAnswer,
  statuses: [201],
  errors: ["ALREADY_MEMBER", "INVITE_PENDING", "PLAN_LIMIT_REACHED", "ROLE_EXCEEDED"],
  limits: [
    { name: "invites", per: "organization", times: 10, windowSeconds: 3_600 },
    { name: "invites of a day", per: "organization", times: 50, windowSeconds: 86_400 },
  ],
  audit: { action: "invite.created", operation: "CREATE", resourceType: "invite" },
  steps: ({ org, caller, body }, effects, given) => createInvite({ org, caller, request: body }, effects, given),
});
