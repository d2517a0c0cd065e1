import { runOrBackfill } from "#shared/backfills/run-or-backfill.ts";
import { admitAddress, runEndpoint } from "#shared/pipelines/run-endpoint.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  ...runEndpoint,
  path: "/api/v1/pipelines/run/{org}/{provider}/{domain}/{pipeline}",
  aliases: ["/api/v1/pipelines/trigger/{org}/{provider}/{domain}/{pipeline}"],
  summary: "Run a pipeline for some days; the same days again while it runs answer the same run",
  admitPath: ({ org, params }) => admitAddress([params.provider, params.domain, params.pipeline], org),
  steps: (request, effects, given) => {
    const { provider, domain, pipeline } = request.params;
    return runOrBackfill([provider, domain, pipeline], request, effects, given);
  },
});
