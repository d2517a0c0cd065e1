import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { createSchedule } from "#shared/schedules/create-schedule.ts";
import { ScheduleAnswer } from "#shared/schedules/schedule.ts";
import { ScheduleRequest } from "#shared/schedules/schedule-request.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/scheduler/org/{org}/pipelines",
  summary: "Run a pipeline by itself at the times of a cron expression",
  access: orgAccess("pipelines:run", { root: true }),
  uses: ["documents"],
  body: ScheduleRequest,
  response: ScheduleAnswer,
  statuses: [201],
  errors: [
    "PIPELINE_NOT_FOUND",
    "PIPELINE_RETIRED",
    "PIPELINE_DISABLED",
    "CREDENTIAL_NOT_FOUND",
    "INVALID_CRON",
    "SCHEDULE_NEVER_FIRES",
    "SCHEDULE_TOO_FREQUENT",
    "SCHEDULE_EXISTS",
    "TOO_MANY_SCHEDULES",
  ],
  audit: { action: "schedule.created", operation: "CREATE", resourceType: "schedule" },
  change: ({ org, body }, change, given) => createSchedule({ org, request: body }, change, given),
});
