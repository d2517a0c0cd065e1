import { orgAccess } from "#shared/access/caller.ts";
import { BatchRunList, BatchRunsQuery, listBatchRuns } from "#shared/batch-runs/read-batch-runs.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/pipelines/{org}/batch-runs",
  summary: "The batches that the organization was in, newest first",
  access: orgAccess("pipelines:read", { root: true }),
  uses: ["documents"],
  query: BatchRunsQuery,
  response: BatchRunList,
  errors: ["CURSOR_INVALID"],
  handle: ({ org, query }, { documents }) => listBatchRuns(org, query, documents),
});
