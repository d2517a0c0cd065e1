import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { removeSchedule, ScheduleRemoval } from "#shared/schedules/change-schedule.ts";

export default httpFunction({
  method: "DELETE",
  path: "/api/v1/scheduler/org/{org}/pipelines/{config_id}",
  summary: "Delete a schedule; one that its integration brought is switched off",
  access: orgAccess("pipelines:run", { root: true }),
  takesPlatform: true,
  uses: ["documents"],
  response: ScheduleRemoval,
  errors: ["SCHEDULE_NOT_FOUND"],
  audit: {
    action: "schedule.deleted",
    operation: "DELETE",
    resourceType: "schedule",
    resourceId: ({ params }) => params.config_id,
  },
  change: ({ org, params }, change) => removeSchedule({ org, configId: params.config_id }, change),
});
