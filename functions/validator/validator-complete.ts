import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { CompleteAnswer, CompleteRequest, completeRun } from "#shared/validator/complete.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/validator/complete/{org}",
  summary: "An executor outside the platform reports the end of the run it has reserved",
  access: orgAccess("pipelines:run", { root: true }),
  uses: ["documents", "topics"],
  query: CompleteRequest,
  body: CompleteRequest,
  response: CompleteAnswer,
  errors: ["INVALID_DATE"],
  subscription: "any",
  audit: { action: "run.completed", operation: "UPDATE", resourceType: "run" },
  steps: completeRun,
});
