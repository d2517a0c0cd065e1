import { orgAccess } from "#shared/access/caller.ts";
import { runOrBackfill } from "#shared/backfills/run-or-backfill.ts";
import { admitAddress, runEndpoint } from "#shared/pipelines/run-endpoint.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  ...runEndpoint,
  path: "/api/v1/pipelines/run/{pipeline_id}",
  access: orgAccess("pipelines:run"),
  summary: "Run a pipeline by its id for the organization of the key",
  admitPath: ({ org, params }) => admitAddress([params.pipeline_id], org),
  steps: (request, effects, given) => runOrBackfill([request.params.pipeline_id], request, effects, given),
});
