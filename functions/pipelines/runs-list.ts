import { orgAccess } from "#shared/access/caller.ts";
import { listRuns, RunList, RunListQuery } from "#shared/pipelines/runs-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/pipelines/{org}/runs",
  summary: "Runs of the organization, newest first",
  access: orgAccess("pipelines:read", { root: true }),
  takesPlatform: true,
  uses: ["documents"],
  query: RunListQuery,
  response: RunList,
  errors: ["CURSOR_INVALID", "INVALID_DATE"],
  handle: ({ org, query }, { documents }) => listRuns(org, query, documents),
});
