import { orgAccess } from "#shared/access/caller.ts";
import { BackfillAnswer } from "#shared/backfills/backfill-answer.ts";
import { readBackfill } from "#shared/backfills/read-backfills.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/pipelines/{org}/backfills/{backfill_id}",
  summary: "One backfill with its chunks",
  access: orgAccess("pipelines:read", { root: true }),
  uses: ["documents"],
  response: BackfillAnswer,
  errors: ["BACKFILL_NOT_FOUND"],
  handle: ({ org, params }, { documents }) => readBackfill(org, params.backfill_id, documents),
});
