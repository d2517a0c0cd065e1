import { orgAccess } from "#shared/access/caller.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import { RunAnswer, RunRequest, triggerRun } from "#shared/pipelines/trigger.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/pipelines/run/{org}/{provider}/{pipeline}",
  summary: "Run a pipeline whose address has two words",
  access: orgAccess("pipelines:run", { root: true }),
  uses: ["documents", "topics"],
  query: RunRequest,
  body: RunRequest,
  response: RunAnswer,
  statuses: [202, 200],
  errors: [
    "PIPELINE_NOT_FOUND",
    "INTEGRATION_NOT_CONFIGURED",
    "INTEGRATION_INVALID",
    "SUBSCRIPTION_INACTIVE",
    "QUOTA_EXCEEDED",
  ],
  perMinute: 50,
  audit: { action: "run.requested", operation: "EXECUTE", resourceType: "run" },
  steps: async (request, effects, given) => {
    const { provider, pipeline } = request.params;
    const found = (await pipelines()).byAddress([provider, pipeline].join("/"));
    return triggerRun({ ...request, pipeline: found }, effects, given);
  },
});
