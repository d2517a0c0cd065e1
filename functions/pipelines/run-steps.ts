import { orgAccess } from "#shared/access/caller.ts";
import { StepList, StepsQuery, stepsOf } from "#shared/pipelines/run-parts-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/pipelines/{org}/runs/{run}/steps",
  summary: "The steps of a run",
  access: orgAccess("pipelines:read", { root: true }),
  takesPlatform: true,
  uses: ["documents"],
  query: StepsQuery,
  response: StepList,
  errors: ["RUN_NOT_FOUND"],
  handle: ({ org, params, query }, { documents }) => stepsOf(org, { runId: params.run, query }, documents),
});
