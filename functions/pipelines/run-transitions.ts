import { orgAccess } from "#shared/access/caller.ts";
import { TransitionList, TransitionsQuery, transitionsOf } from "#shared/pipelines/run-parts-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/pipelines/{org}/runs/{run}/transitions",
  summary: "Every move of a run and its steps",
  access: orgAccess("pipelines:read", { root: true }),
  takesPlatform: true,
  uses: ["documents"],
  query: TransitionsQuery,
  response: TransitionList,
  errors: ["RUN_NOT_FOUND"],
  handle: ({ org, params, query }, { documents }) => transitionsOf(org, { runId: params.run, query }, documents),
});
