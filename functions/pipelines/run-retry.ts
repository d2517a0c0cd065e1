import { orgAccess } from "#shared/access/caller.ts";
import { RetryAnswer, retryRun } from "#shared/pipelines/retry-run.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/pipelines/{org}/runs/{run}/retry",
  summary: "The same run again",
  access: orgAccess("pipelines:run", { root: true }),
  takesPlatform: true,
  uses: ["documents", "topics"],
  response: RetryAnswer,
  statuses: [202, 200],
  errors: ["RUN_NOT_FOUND", "RUN_NOT_FINISHED", "INTEGRATION_NOT_CONFIGURED", "INTEGRATION_INVALID", "QUOTA_EXCEEDED"],
  limits: [{ name: "run-trigger", per: "organization", times: 50, windowSeconds: 60 }],
  audit: { action: "run.retried", operation: "EXECUTE", resourceType: "run" },
  steps: (request, effects, given) => retryRun(request, effects, given),
});
