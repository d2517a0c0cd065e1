import { orgAccess } from "#shared/access/caller.ts";
import { BatchRun, readBatchRun } from "#shared/batch-runs/read-batch-runs.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/pipelines/{org}/batch-runs/{batch_run_id}",
  summary: "What one batch did for the organization",
  access: orgAccess("pipelines:read", { root: true }),
  uses: ["documents"],
  response: BatchRun,
  errors: ["BATCH_RUN_NOT_FOUND"],
  handle: ({ org, params }, { documents }) => readBatchRun(org, params.batch_run_id, documents),
});
