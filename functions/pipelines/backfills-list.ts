import { orgAccess } from "#shared/access/caller.ts";
import { BackfillList, BackfillListQuery, listBackfills } from "#shared/backfills/read-backfills.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/pipelines/{org}/backfills",
  summary: "Backfills with their progress, newest first",
  access: orgAccess("pipelines:read", { root: true }),
  uses: ["documents"],
  query: BackfillListQuery,
  response: BackfillList,
  errors: ["CURSOR_INVALID"],
  handle: ({ org, query }, { documents }) => listBackfills(org, query, documents),
});
