import { orgAccess } from "#shared/access/caller.ts";
import { CancelAnswer, CancelRequest, cancelRun } from "#shared/pipelines/cancel.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/pipelines/{org}/runs/{run}/cancel",
  summary: "End a run: nothing more of it is published",
  access: orgAccess("pipelines:run", { root: true }),
  takesPlatform: true,
  uses: ["documents"],
  body: CancelRequest,
  response: CancelAnswer,
  errors: ["RUN_NOT_FOUND"],
  subscription: "any",
  audit: { action: "run.cancelled", operation: "UPDATE", resourceType: "run" },
  steps: ({ org, params, body }, effects, { metrics }) =>
    cancelRun({ org, runId: params.run, reason: body.reason }, effects, metrics),
});
