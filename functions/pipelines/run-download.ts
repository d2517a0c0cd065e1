import { orgAccess } from "#shared/access/caller.ts";
import { Download, DownloadQuery, downloadRun } from "#shared/pipelines/run-download.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/pipelines/{org}/runs/{run}/download",
  summary: "A run with its steps, transitions and checks, as a file",
  access: orgAccess("pipelines:read", { root: true }),
  takesPlatform: true,
  uses: ["documents"],
  query: DownloadQuery,
  response: Download,
  contentType: "application/json",
  errors: ["RUN_NOT_FOUND"],
  handle: ({ org, params, query }, { documents }) => downloadRun(org, { runId: params.run, query }, documents),
});
