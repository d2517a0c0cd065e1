import { orgAccess } from "#shared/access/caller.ts";
import { BackfillChange, cancelBackfill } from "#shared/backfills/change-backfill.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/pipelines/{org}/backfills/{backfill_id}/cancel",
  summary: "End a backfill with its chunk in flight; what is published stays",
  access: orgAccess("pipelines:run", { root: true }),
  uses: ["documents"],
  response: BackfillChange,
  errors: ["BACKFILL_NOT_FOUND", "WRONG_STATE"],
  audit: {
    action: "backfill.cancelled",
    operation: "UPDATE",
    resourceType: "backfill",
    resourceId: ({ params }) => params.backfill_id,
  },
  change: ({ org, params }, change) => cancelBackfill({ org, backfillId: params.backfill_id }, change),
});
