import { sessionAccess } from "#shared/access/caller.ts";
import { onboardingErrors } from "#shared/organizations/onboarding-request.ts";
import { SignUpReport, SignUpRequest, signUp } from "#shared/organizations/sign-up.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/organizations",
  summary: "Make an organization of one's own: the caller is its owner at once",
  access: sessionAccess(),
  uses: ["documents", "warehouse", "keys"],
  body: SignUpRequest,
  response: SignUpReport,
  statuses: [201],
  secretAnswer: true,
  errors: ["SIGNUP_CLOSED", "PLAN_LIMIT_REACHED", ...onboardingErrors],
  perMinute: 10,
  timeoutSeconds: 300,
  audit: { action: "organization.onboarded", operation: "CREATE", resourceType: "organization" },
  steps: ({ caller, body }, effects, given) => signUp({ caller, request: body }, effects, given),
});
