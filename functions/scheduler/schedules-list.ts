import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { listSchedules, ScheduleList, ScheduleListQuery } from "#shared/schedules/read-schedules.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/scheduler/org/{org}/pipelines",
  summary: "Which pipelines run by themselves, and when next",
  access: orgAccess("pipelines:read", { root: true }),
  takesPlatform: true,
  uses: ["documents"],
  query: ScheduleListQuery,
  response: ScheduleList,
  handle: ({ org, query }, { documents }) => listSchedules(org, query, documents),
});
