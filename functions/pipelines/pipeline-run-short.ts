import { runOrBackfill } from "#shared/backfills/run-or-backfill.ts";
import { runEndpoint } from "#shared/pipelines/run-endpoint.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  ...runEndpoint,
  path: "/api/v1/pipelines/run/{org}/{provider}/{pipeline}",
  summary: "Run a pipeline whose address has two words",
  steps: (request, effects, given) => {
    const { provider, pipeline } = request.params;
    return runOrBackfill([provider, pipeline], request, effects, given);
  },
});
