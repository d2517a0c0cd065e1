import { rootAccess } from "#shared/access/caller.ts";
import { RunAllAnswer, RunAllRequest, runAll } from "#shared/batch-runs/run-all.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/admin/pipelines/run-all",
  summary: "Run every pipeline of all organizations or of one, or only say which would run",
  access: rootAccess(),
  uses: ["documents", "topics"],
  body: RunAllRequest,
  response: RunAllAnswer,
  statuses: [202, 200],
  errors: ["ORG_NOT_FOUND", "INVALID_DATE", "DATE_IN_FUTURE"],
  perMinute: 10,
  timeoutSeconds: 300,
  audit: { action: "batch_run.created", operation: "EXECUTE", resourceType: "batch_run" },
  steps: (request, effects, given) => runAll(request, effects, given),
});
