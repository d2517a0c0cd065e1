import { rootAccess } from "#shared/access/caller.ts";
import { DryrunReport, dryrun } from "#shared/organizations/dryrun.ts";
import { OnboardingRequest } from "#shared/organizations/onboarding-request.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/organizations/dryrun",
  summary: "Every check of onboarding, without any effect",
  access: rootAccess(),
  uses: ["documents", "warehouse", "keys"],
  body: OnboardingRequest,
  response: DryrunReport,
  perMinute: 10,
  handle: ({ body }, given) => dryrun(body, given),
});
