import { orgAccess } from "#shared/access/caller.ts";
import { TransferAnswer, TransferRequest, transferOwnership } from "#shared/members/transfer.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/organizations/{org}/ownership/transfer",
  summary: "Make another member the owner; needs a sign-in of the last 15 minutes",
  access: orgAccess("ownership:transfer", { peopleOnly: true }),
  subscription: "any",
  uses: ["documents"],
  body: TransferRequest,
  response: TransferAnswer,
  errors: ["REAUTH_REQUIRED", "MEMBER_NOT_FOUND", "OWNER_REQUIRED"],
  audit: { action: "ownership.transferred", operation: "UPDATE", resourceType: "organization" },
  steps: ({ org, caller, body }, effects, given) => transferOwnership({ org, caller, request: body }, effects, given),
});
