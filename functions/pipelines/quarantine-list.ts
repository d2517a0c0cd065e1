import { orgAccess } from "#shared/access/caller.ts";
import { listQuarantines, QuarantineList, QuarantineQuery } from "#shared/quarantine/quarantine-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/reconciliation/{org}/quarantine",
  summary: "Days that failed their checks and are held out of all totals, newest first",
  access: orgAccess("costs:read"),
  uses: ["documents"],
  query: QuarantineQuery,
  response: QuarantineList,
  errors: ["CURSOR_INVALID"],
  handle: ({ org, query }, { documents }) => listQuarantines(org, query, documents),
});
