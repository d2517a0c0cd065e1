import { sessionAccess } from "#shared/access/caller.ts";
import { DeclineAnswer, declineInvite } from "#shared/members/invite-decline.ts";
import { InviteReference } from "#shared/members/invite-found.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/invites/decline",
  summary: "Decline an invite of the signed-in person; its seat is free again",
  access: sessionAccess(),
  uses: ["documents"],
  body: InviteReference,
  response: DeclineAnswer,
  errors: ["INVITE_NOT_FOUND", "INVITE_OTHER_PERSON"],
  limits: [{ per: "address", times: 10, windowSeconds: 600 }],
  audit: { action: "invite.declined", operation: "UPDATE", resourceType: "invite" },
  steps: ({ caller, body }, effects) => declineInvite({ caller, reference: body }, effects),
});
