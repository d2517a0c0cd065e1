import { DeclineAnswer, declineInvite } from "#shared/members/invite-decline.ts";
import { receiverEndpoint } from "#shared/members/invite-found.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  ...receiverEndpoint,
  path: "/api/v1/invites/decline",
  summary: "Decline an invite of the signed-in person; its seat is free again",
  response: DeclineAnswer,
  errors: ["INVITE_NOT_FOUND", "INVITE_OTHER_PERSON"],
  audit: { action: "invite.declined", operation: "UPDATE", resourceType: "invite" },
  steps: ({ caller, body }, effects) => declineInvite({ caller, reference: body }, effects),
});
