import { publicAccess } from "#shared/access/caller.ts";
import { SessionAnswer } from "#shared/account/session-answer.ts";
import { signInByIssuer } from "#shared/account/sign-in.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/auth/session",
  summary: "Sign in with an outside issuer's token, sent as Authorization: Bearer",
  access: publicAccess(),
  uses: ["documents", "keys"],
  response: SessionAnswer,
  errors: ["UNAUTHENTICATED", "EMAIL_UNVERIFIED", "CSRF_FAILED", "IDENTITY_ISSUER_UNAVAILABLE"],
  limits: [{ per: "address", times: 120, windowSeconds: 60 }],
  audit: { action: "session.started", operation: "CREATE", resourceType: "user" },
  steps: ({ client }, effects, given) => signInByIssuer(client, effects, given),
});
