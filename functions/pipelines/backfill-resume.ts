import { orgAccess } from "#shared/access/caller.ts";
import { BackfillChange, resumeBackfill } from "#shared/backfills/change-backfill.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/pipelines/{org}/backfills/{backfill_id}/resume",
  summary: "Go on, and try chunks again that were given up",
  access: orgAccess("pipelines:run", { root: true }),
  uses: ["documents"],
  response: BackfillChange,
  errors: ["BACKFILL_NOT_FOUND", "WRONG_STATE"],
  audit: {
    action: "backfill.resumed",
    operation: "UPDATE",
    resourceType: "backfill",
    resourceId: ({ params }) => params.backfill_id,
  },
  change: ({ org, params }, change) => resumeBackfill({ org, backfillId: params.backfill_id }, change),
});
