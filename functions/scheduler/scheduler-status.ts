import { rootAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { SchedulerStatus, schedulerStatus } from "#shared/schedules/scheduler-status.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/scheduler/status",
  summary: "What is due, waits and runs, over all organizations",
  access: rootAccess(),
  uses: ["documents"],
  response: SchedulerStatus,
  timeoutSeconds: 300,
  handle: (_request, { documents }) => schedulerStatus(documents),
});
