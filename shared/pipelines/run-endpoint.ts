import { type OrgIdentity, orgAccess } from "#shared/access/caller.ts";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import type { Effects, HttpRequest, Reply } from "#shared/runtime/declaration.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import type { Pipeline } from "./pipeline.ts";
import { refuseOtherScope } from "./pipeline-scope.ts";
import { type PipelineRegistry, pipelines } from "./registry.ts";
import { refuseDisabled } from "./run-refusals.ts";
import { RunAnswer, RunQuery, RunRequest } from "./run-request.ts";
import { triggerRun } from "./trigger.ts";

/** What all addresses that start a run have in common. */
export const runEndpoint = {
  method: "POST",
  access: orgAccess("pipelines:run", { root: true }),
  takesPlatform: true,
  uses: ["documents", "topics"],
  query: RunQuery,
  body: RunRequest,
  response: RunAnswer,
  statuses: [202, 200],
  errors: [
    "PIPELINE_NOT_FOUND",
    "PIPELINE_RETIRED",
    "PIPELINE_DISABLED",
    "CREDENTIAL_NOT_FOUND",
    "INTEGRATION_NOT_CONFIGURED",
    "INTEGRATION_NOT_READY",
    "INTEGRATION_INVALID",
    "SUBSCRIPTION_INACTIVE",
    "PLAN_LIMIT_REACHED",
    "QUOTA_EXCEEDED",
    "CONFLICTING_DATES",
    "INVALID_DATE",
    "INVALID_DATE_RANGE",
    "DATE_IN_FUTURE",
    "BEFORE_HISTORY",
    "RANGE_TOO_LONG",
    "BACKFILL_OVERLAPS",
    "CREDENTIAL_AMBIGUOUS",
  ],
  limits: [{ name: "run-trigger", per: "organization", times: 50, windowSeconds: 60 }],
  // Address, body and dates are refused before it (`pipelines.md` 4).
  subscription: "any",
  audit: { action: "run.requested", operation: "EXECUTE", resourceType: "run" },
} as const;

/** Starts the pipeline that the words of a path name. */
export async function runAddressed(
  words: readonly string[],
  request: HttpRequest<unknown, RunQuery, RunRequest>,
  effects: Effects<RunAnswer>,
  ports: ReservePorts,
): Promise<Reply<RunAnswer>> {
  return triggerRun({ ...request, pipeline: await addressedPipeline(words) }, effects, ports);
}

/** Refuses an address that starts nothing for the organization. Throws as `addressedPipeline`, and `PIPELINE_DISABLED`. */
export async function admitAddress(words: readonly string[], org: OrgIdentity): Promise<void> {
  const pipeline = await addressedPipeline(words);
  refuseOtherScope(pipeline, org);
  refuseDisabled(pipeline);
}

/** The pipeline that the words of a path name. Throws `PIPELINE_NOT_FOUND`, `PIPELINE_RETIRED`. */
export async function addressedPipeline(words: readonly string[]): Promise<Pipeline> {
  return addressed(words, await pipelines());
}

/** By the whole address, or by the words after a category that the pipeline has. */
function addressed(words: readonly string[], registry: PipelineRegistry): Pipeline {
  try {
    return registry.byAddress(words.join("/"));
  } catch (error) {
    const [category, ...rest] = words;
    if (rest.length < 2 || !isAppError(error, "PIPELINE_NOT_FOUND")) throw error;
    const pipeline = registry.pipelines.find(
      ({ address, config }) => address === rest.join("/").toLowerCase() && config.category === category?.toLowerCase(),
    );
    if (pipeline === undefined) throw error;
    return pipeline;
  }
}
