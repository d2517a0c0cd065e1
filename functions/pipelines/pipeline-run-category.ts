import { runOrBackfill } from "#shared/backfills/run-or-backfill.ts";
import { admitAddress, runEndpoint } from "#shared/pipelines/run-endpoint.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  ...runEndpoint,
  path: "/api/v1/pipelines/run/{org}/{category}/{provider}/{domain}/{pipeline}",
  summary: "Run a pipeline by its category and address, as older clients do",
  admitPath: ({ org, params }) => admitAddress([params.category, params.provider, params.domain, params.pipeline], org),
  steps: (request, effects, given) => {
    const { category, provider, domain, pipeline } = request.params;
    return runOrBackfill([category, provider, domain, pipeline], request, effects, given);
  },
});
