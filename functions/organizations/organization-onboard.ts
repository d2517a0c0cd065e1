import { rootAccess } from "#shared/access/caller.ts";
import { onboard } from "#shared/organizations/onboarding.ts";
import { OnboardingReport } from "#shared/organizations/onboarding-report.ts";
import { OnboardingRequest, onboardingErrors } from "#shared/organizations/onboarding-request.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/organizations/onboard",
  summary: "Make an organization: dataset, tables, plan, quota and its first API key",
  access: rootAccess(),
  uses: ["documents", "warehouse", "keys"],
  body: OnboardingRequest,
  response: OnboardingReport,
  secretAnswer: true,
  errors: onboardingErrors,
  perMinute: 10,
  timeoutSeconds: 300,
  audit: { action: "organization.onboarded", operation: "CREATE", resourceType: "organization" },
  steps: ({ body }, effects, given) => onboard(body, effects, given),
});
