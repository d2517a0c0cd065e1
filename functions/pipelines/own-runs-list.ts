import { orgAccess } from "#shared/access/caller.ts";
import { listOwnRuns, OwnRuns, RunListQuery } from "#shared/pipelines/runs-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/pipelines/runs",
  summary: "Runs of the key's organization, as older clients list them",
  access: orgAccess("pipelines:read"),
  uses: ["documents"],
  query: RunListQuery,
  response: OwnRuns,
  errors: ["CURSOR_INVALID", "INVALID_DATE"],
  handle: ({ org, query }, { documents }) => listOwnRuns(org, query, documents),
});
