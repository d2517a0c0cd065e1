import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { ValidateAnswer, ValidateRequest, validateRun } from "#shared/validator/validate.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/validator/validate/{org}",
  summary: "Whether a run could start now, and all that stands in its way; takes nothing unless asked to reserve",
  access: orgAccess("pipelines:run", { root: true }),
  uses: ["documents", "topics"],
  body: ValidateRequest,
  response: ValidateAnswer,
  errors: ["QUOTA_EXCEEDED", "INTEGRATION_NOT_CONFIGURED", "INTEGRATION_INVALID"],
  subscription: "any",
  audit: { action: "run.requested", operation: "EXECUTE", resourceType: "run" },
  steps: (request, effects, given) => validateRun(request, effects, given),
});
