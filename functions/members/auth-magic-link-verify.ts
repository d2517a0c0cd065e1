import { publicAccess } from "#shared/access/caller.ts";
import { SessionAnswer } from "#shared/account/session-answer.ts";
import { LinkUse, signInByLink } from "#shared/account/sign-in.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/auth/magic-link/verify",
  summary: "Sign in with the token of a mailed link; the first time makes the account",
  access: publicAccess(),
  uses: ["documents", "keys"],
  body: LinkUse,
  response: SessionAnswer,
  errors: ["UNAUTHENTICATED", "CSRF_FAILED"],
  limits: [{ per: "address", times: 10, windowSeconds: 600 }],
  audit: { action: "session.started", operation: "CREATE", resourceType: "user" },
  steps: ({ body, client }, effects, given) => signInByLink(body, client, effects, given),
});
