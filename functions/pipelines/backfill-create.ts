import { orgAccess } from "#shared/access/caller.ts";
import { BackfillAnswer } from "#shared/backfills/backfill-answer.ts";
import { BackfillRequest, requestBackfill } from "#shared/backfills/request-backfill.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/pipelines/{org}/backfills",
  summary: "Pull up to 36 months of a source month by month, the newest first",
  access: orgAccess("pipelines:run", { root: true }),
  uses: ["documents", "topics"],
  body: BackfillRequest,
  response: BackfillAnswer,
  statuses: [202, 200],
  errors: [
    "PIPELINE_NOT_FOUND",
    "PIPELINE_RETIRED",
    "PIPELINE_DISABLED",
    "CREDENTIAL_NOT_FOUND",
    "CREDENTIAL_AMBIGUOUS",
    "INTEGRATION_NOT_CONFIGURED",
    "INTEGRATION_NOT_READY",
    "INTEGRATION_INVALID",
    "SUBSCRIPTION_INACTIVE",
    "PLAN_LIMIT_REACHED",
    "QUOTA_EXCEEDED",
    "BACKFILL_OVERLAPS",
    "INVALID_DATE",
    "INVALID_DATE_RANGE",
    "DATE_IN_FUTURE",
    "BEFORE_HISTORY",
    "RANGE_TOO_LONG",
  ],
  limits: [{ name: "run-trigger", per: "organization", times: 50, windowSeconds: 60 }],
  audit: { action: "backfill.created", operation: "CREATE", resourceType: "backfill" },
  steps: (request, effects, given) => requestBackfill(request, effects, given),
});
