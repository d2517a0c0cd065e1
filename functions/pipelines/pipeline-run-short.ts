import { runOrBackfill } from "#shared/backfills/run-or-backfill.ts";
import { admitAddress, runEndpoint } from "#shared/pipelines/run-endpoint.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  ...runEndpoint,
  path: "/api/v1/pipelines/run/{org}/{provider}/{pipeline}",
  // Older clients leave the empty domain in its place.
  aliases: ["/api/v1/pipelines/run/{org}/{provider}//{pipeline}"],
  summary: "Run a pipeline whose address has two words",
  admitPath: ({ org, params }) => admitAddress([params.provider, params.pipeline], org),
  steps: (request, effects, given) => {
    const { provider, pipeline } = request.params;
    return runOrBackfill([provider, pipeline], request, effects, given);
  },
});
