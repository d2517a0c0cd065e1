import { orgAccess } from "#shared/access/caller.ts";
import { RunDetail } from "#shared/pipelines/run-answer.ts";
import { runOf } from "#shared/pipelines/runs-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/pipelines/{org}/runs/{run}",
  summary: "One run with its steps",
  access: orgAccess("pipelines:read", { root: true }),
  takesPlatform: true,
  uses: ["documents"],
  response: RunDetail,
  errors: ["RUN_NOT_FOUND"],
  handle: ({ org, params }, { documents }) => runOf(org, params.run, documents),
});
