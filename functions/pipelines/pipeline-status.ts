import { orgAccess } from "#shared/access/caller.ts";
import { StatusAnswer, StatusQuery } from "#shared/pipelines/pipeline-status.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { statusWithNextRuns } from "#shared/schedules/read-schedules.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/pipelines/status/{org}",
  summary: "How the connected pipelines stand on a day",
  access: orgAccess("pipelines:read", { root: true }),
  uses: ["documents"],
  query: StatusQuery,
  response: StatusAnswer,
  errors: ["INVALID_DATE"],
  handle: ({ org, query }, { documents }) => statusWithNextRuns(org, query, documents),
});
