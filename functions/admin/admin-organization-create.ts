import { rootAccess } from "#shared/access/caller.ts";
import { OnboardingReport } from "#shared/organizations/onboarding-report.ts";
import { onboardingErrors } from "#shared/organizations/onboarding-request.ts";
import { AdminOrganizationRequest, adminCreate } from "#shared/organizations/sign-up.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/admin/organizations",
  summary: "For older operators' tools: make an organization on the plan FREE",
  access: rootAccess(),
  uses: ["documents", "warehouse", "keys"],
  body: AdminOrganizationRequest,
  response: OnboardingReport,
  secretAnswer: true,
  errors: onboardingErrors,
  perMinute: 10,
  timeoutSeconds: 300,
  audit: { action: "organization.onboarded", operation: "CREATE", resourceType: "organization" },
  steps: ({ body }, effects, given) => adminCreate(body, effects, given),
});
