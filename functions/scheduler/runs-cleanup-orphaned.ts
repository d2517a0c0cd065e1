import { rootAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { CleanupReport, CleanupRequest, cleanUpOrphaned } from "#shared/schedules/cleanup-orphaned.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/scheduler/cleanup-orphaned-pipelines",
  summary: "Sweep now, and end runs that gave no sign of life for long; a live lease is never touched",
  access: rootAccess(),
  uses: ["documents", "topics"],
  body: CleanupRequest,
  response: CleanupReport,
  timeoutSeconds: 300,
  audit: { action: "runs.cleaned_up", operation: "EXECUTE", resourceType: "run" },
  steps: ({ body }, effects, given) => cleanUpOrphaned(body.timeout_minutes, effects, given),
});
