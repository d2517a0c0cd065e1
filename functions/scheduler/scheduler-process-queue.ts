import { rootAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { ProcessQueueReport, processQueue } from "#shared/schedules/process-queue.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/scheduler/process-queue",
  summary: "Let runs in now that wait for a slot, one of each organization in turn",
  access: rootAccess(),
  uses: ["documents", "topics"],
  response: ProcessQueueReport,
  timeoutSeconds: 120,
  audit: { action: "queue.processed", operation: "EXECUTE", resourceType: "queue" },
  steps: (_request, effects, given) => processQueue(effects, given),
});
