import { orgAccess } from "#shared/access/caller.ts";
import { RunDetail } from "#shared/pipelines/run-answer.ts";
import { runOf } from "#shared/pipelines/runs-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/pipelines/runs/{run}",
  summary: "One run of the key's organization",
  access: orgAccess("pipelines:read"),
  uses: ["documents"],
  response: RunDetail,
  errors: ["RUN_NOT_FOUND"],
  handle: ({ org, params }, { documents }) => runOf(org, params.run, documents),
});
