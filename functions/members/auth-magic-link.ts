import { publicAccess } from "#shared/access/caller.ts";
import { LinkRequest, LinkSent, limitedAddress, requestSignInLink } from "#shared/account/magic-link.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/auth/magic-link",
  summary: "Mail a sign-in link; the answer does not tell whether the address is known",
  access: publicAccess(),
  uses: ["documents", "keys"],
  body: LinkRequest,
  response: LinkSent,
  statuses: [202],
  limits: [
    { per: "address", times: 20, windowSeconds: 3_600 },
    { per: limitedAddress, times: 5, windowSeconds: 3_600 },
  ],
  audit: { action: "sign_in_link.requested", operation: "CREATE", resourceType: "sign_in_link" },
  steps: ({ body }, effects, given) => requestSignInLink(body, effects, given),
});
