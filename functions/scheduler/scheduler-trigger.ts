import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { scopeOf } from "#shared/schedules/scheduler-scope.ts";
import { TriggerReport, TriggerRequest, triggerDue } from "#shared/schedules/trigger-due.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/scheduler/trigger",
  summary: "Run what is due now, or one schedule even if it is not; the operator for all organizations",
  access: orgAccess("pipelines:run", { root: true }),
  uses: ["documents", "topics"],
  body: TriggerRequest,
  response: TriggerReport,
  errors: ["SCHEDULE_NOT_FOUND"],
  audit: { action: "scheduler.triggered", operation: "EXECUTE", resourceType: "schedule" },
  timeoutSeconds: 300,
  steps: (request, effects, given) => triggerDue({ org: scopeOf(request), request: request.body }, effects, given),
});
