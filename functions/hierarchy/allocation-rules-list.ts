import { orgAccess } from "#shared/access/caller.ts";
import { ListedRules, ListedRulesQuery, listRulesWithCost } from "#shared/rollup/rules-list.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/hierarchy/{org}/allocation/rules",
  summary: "Allocation rules in the order they are tried",
  access: orgAccess("hierarchy:read"),
  uses: ["documents", "warehouse"],
  query: ListedRulesQuery,
  response: ListedRules,
  errors: ["READ_BUSY", "WAREHOUSE_UNAVAILABLE"],
  memory: "1GiB",
  timeoutSeconds: 60,
  concurrency: 8,
  handle: ({ org, caller, query }, given) => listRulesWithCost({ org, caller, query }, given),
});
