import { rootAccess } from "#shared/access/caller.ts";
import { OnboardingReport } from "#shared/organizations/onboarding-report.ts";
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
  errors: [
    "INVALID_ONBOARDING",
    "ORG_EXISTS",
    "ORG_SLUG_RETIRED",
    "ONBOARDING_IN_PROGRESS",
    "DATASET_EXISTS",
    "NOT_BOOTSTRAPPED",
  ],
  perMinute: 10,
  timeoutSeconds: 300,
  audit: { action: "organization.onboarded", operation: "CREATE", resourceType: "organization" },
  steps: ({ body }, effects, given) => adminCreate(body, effects, given),
});
