import { orgAccess } from "#shared/access/caller.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import { RunAnswer, RunRequest, triggerRun } from "#shared/pipelines/trigger.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/pipelines/run/{org}/{provider}/{domain}/{pipeline}",
  aliases: ["/api/v1/pipelines/trigger/{org}/{provider}/{domain}/{pipeline}"],
  summary: "Run a pipeline for some days; the same days again while it runs answer the same run",
  access: orgAccess("pipelines:run", { root: true }),
  uses: ["documents", "topics"],
  query: RunRequest,
  body: RunRequest,
  response: RunAnswer,
  statuses: [202, 200],
  errors: [
    "PIPELINE_NOT_FOUND",
    "PIPELINE_DISABLED",
    "CREDENTIAL_NOT_FOUND",
    "CREDENTIAL_AMBIGUOUS",
    "INTEGRATION_NOT_CONFIGURED",
    "INTEGRATION_NOT_READY",
    "INTEGRATION_INVALID",
    "SUBSCRIPTION_INACTIVE",
    "QUOTA_EXCEEDED",
    "CONFLICTING_DATES",
    "INVALID_DATE",
    "INVALID_DATE_RANGE",
    "DATE_IN_FUTURE",
    "BEFORE_HISTORY",
    "RANGE_TOO_LONG",
  ],
  perMinute: 50,
  audit: { action: "run.requested", operation: "EXECUTE", resourceType: "run" },
  steps: async (request, effects, given) => {
    const { provider, domain, pipeline } = request.params;
    const found = (await pipelines()).byAddress([provider, domain, pipeline].join("/"));
    return triggerRun({ ...request, pipeline: found }, effects, given);
  },
});
