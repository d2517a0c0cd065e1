import { rootAccess } from "#shared/access/caller.ts";
import { InviteAnswer } from "#shared/members/invite.ts";
import { inviteOwner, OwnerInviteRequest } from "#shared/members/owner-invite.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/admin/organizations/{org}/owner-invite",
  summary: "Invite an owner for 30 days: accepted by signing in with that address",
  access: rootAccess(),
  uses: ["documents"],
  body: OwnerInviteRequest,
  response: InviteAnswer,
  statuses: [201],
  errors: ["ORG_NOT_FOUND", "OWNER_REQUIRED", "INVITE_PENDING", "PLAN_LIMIT_REACHED"],
  audit: { action: "invite.created", operation: "CREATE", resourceType: "invite" },
  steps: ({ params, body }, effects, given) => inviteOwner({ slug: params.org, request: body }, effects, given),
});
