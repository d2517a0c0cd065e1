import { rootAccess } from "#shared/access/caller.ts";
import { BatchPublishAnswer, BatchPublishRequest, publishBatch } from "#shared/batch-runs/publish-batch.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/pipelines/batch/publish",
  summary: "Run one pipeline for up to 1,000 organizations, their starts spread over up to an hour",
  access: rootAccess(),
  uses: ["documents", "topics"],
  body: BatchPublishRequest,
  response: BatchPublishAnswer,
  statuses: [202],
  errors: [
    "PIPELINE_NOT_FOUND",
    "PIPELINE_RETIRED",
    "PIPELINE_DISABLED",
    "INVALID_DATE",
    "INVALID_DATE_RANGE",
    "DATE_IN_FUTURE",
    "BEFORE_HISTORY",
    "RANGE_TOO_LONG",
  ],
  perMinute: 10,
  timeoutSeconds: 120,
  audit: { action: "batch_run.created", operation: "EXECUTE", resourceType: "batch_run" },
  steps: (request, effects, given) => publishBatch(request, effects, given),
});
