import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { updateSchedule } from "#shared/schedules/change-schedule.ts";
import { ScheduleAnswer } from "#shared/schedules/schedule.ts";
import { ScheduleUpdate } from "#shared/schedules/schedule-request.ts";

export default httpFunction({
  method: "PATCH",
  path: "/api/v1/scheduler/org/{org}/pipelines/{config_id}",
  summary: "Change parts of a schedule; nothing runs retroactively",
  access: orgAccess("pipelines:run", { root: true }),
  takesPlatform: true,
  uses: ["documents"],
  body: ScheduleUpdate,
  response: ScheduleAnswer,
  errors: ["SCHEDULE_NOT_FOUND", "VERSION_CONFLICT", "INVALID_CRON", "SCHEDULE_NEVER_FIRES", "SCHEDULE_TOO_FREQUENT"],
  audit: {
    action: "schedule.updated",
    operation: "UPDATE",
    resourceType: "schedule",
    resourceId: ({ params }) => params.config_id,
  },
  change: ({ org, params, body }, change) => updateSchedule({ org, configId: params.config_id, request: body }, change),
});
