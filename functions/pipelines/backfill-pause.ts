import { orgAccess } from "#shared/access/caller.ts";
import { BackfillChange, pauseBackfill } from "#shared/backfills/change-backfill.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/pipelines/{org}/backfills/{backfill_id}/pause",
  summary: "Start no further chunk; the one in flight finishes",
  access: orgAccess("pipelines:run", { root: true }),
  uses: ["documents"],
  response: BackfillChange,
  errors: ["BACKFILL_NOT_FOUND", "WRONG_STATE"],
  audit: {
    action: "backfill.paused",
    operation: "UPDATE",
    resourceType: "backfill",
    resourceId: ({ params }) => params.backfill_id,
  },
  change: ({ org, params }, change) => pauseBackfill({ org, backfillId: params.backfill_id }, change),
});
