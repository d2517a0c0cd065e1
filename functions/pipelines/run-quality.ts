import { orgAccess } from "#shared/access/caller.ts";
import { QualityList, qualityOf } from "#shared/pipelines/run-parts-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/pipelines/{org}/runs/{run}/quality",
  summary: "What the checks said of the data of a run",
  access: orgAccess("pipelines:read", { root: true }),
  takesPlatform: true,
  uses: ["documents"],
  response: QualityList,
  errors: ["RUN_NOT_FOUND"],
  handle: ({ org, params }, { documents }) => qualityOf(org, params.run, documents),
});
