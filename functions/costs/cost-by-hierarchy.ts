import { orgAccess } from "#shared/access/caller.ts";
import { pastReadErrors } from "#shared/costs/cost-query.ts";
import { ByHierarchyQuery, CostByHierarchy, costByHierarchy } from "#shared/rollup/by-hierarchy.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/costs/{org}/by-hierarchy",
  summary: "Published cost by the entities of one level, every entity with all below it, and what reached nobody",
  access: orgAccess("costs:read", { root: true }),
  uses: ["documents", "warehouse"],
  query: ByHierarchyQuery,
  response: CostByHierarchy,
  errors: [...pastReadErrors, "ORG_NOT_FOUND", "ENTITY_NOT_FOUND"],
  perMinute: 60,
  memory: "1GiB",
  timeoutSeconds: 60,
  concurrency: 8,
  handle: ({ org, query }, given) => costByHierarchy({ org, query }, given),
});
