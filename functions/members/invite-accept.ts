import { AcceptAnswer, acceptInvite } from "#shared/members/invite-accept.ts";
import { receiverEndpoint } from "#shared/members/invite-found.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  ...receiverEndpoint,
  path: "/api/v1/invites/accept",
  summary: "Join the organization that has invited the signed-in person",
  response: AcceptAnswer,
  errors: ["INVITE_NOT_FOUND", "INVITE_OTHER_PERSON", "INVITE_EXPIRED", "PLAN_LIMIT_REACHED"],
  audit: { action: "invite.accepted", operation: "UPDATE", resourceType: "invite" },
  steps: ({ caller, body }, effects, given) => acceptInvite({ caller, reference: body }, effects, given),
});
