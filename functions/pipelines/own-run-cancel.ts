import { orgAccess } from "#shared/access/caller.ts";
import { CancelAnswer, cancelRun } from "#shared/pipelines/cancel.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "DELETE",
  path: "/api/v1/pipelines/runs/{run}",
  summary: "End a run of the key's organization",
  access: orgAccess("pipelines:run"),
  uses: ["documents"],
  response: CancelAnswer,
  errors: ["RUN_NOT_FOUND"],
  subscription: "any",
  audit: { action: "run.cancelled", operation: "UPDATE", resourceType: "run" },
  steps: ({ org, params }, effects, { metrics }) =>
    cancelRun({ org, runId: params.run, reason: undefined }, effects, metrics),
});
