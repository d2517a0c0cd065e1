import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { readSchedule } from "#shared/schedules/read-schedules.ts";
import { ScheduleAnswer } from "#shared/schedules/schedule.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/scheduler/org/{org}/pipelines/{config_id}",
  summary: "One schedule",
  access: orgAccess("pipelines:read", { root: true }),
  takesPlatform: true,
  uses: ["documents"],
  response: ScheduleAnswer,
  errors: ["SCHEDULE_NOT_FOUND"],
  handle: ({ org, params }, { documents }) => readSchedule(org, params.config_id, documents),
});
