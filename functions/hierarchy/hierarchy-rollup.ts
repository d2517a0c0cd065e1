import { orgAccess } from "#shared/access/caller.ts";
import { pastReadErrors } from "#shared/costs/cost-query.ts";
import { Rollup, RollupQuery, rollup } from "#shared/rollup/rollup.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/hierarchy/{org}/rollup",
  summary: "Published cost by entity, every entity with all below it, and what reached nobody",
  access: orgAccess("hierarchy:read", { also: "costs:read" }),
  uses: ["documents", "warehouse"],
  query: RollupQuery,
  response: Rollup,
  errors: [...pastReadErrors, "ENTITY_NOT_FOUND"],
  perMinute: 60,
  memory: "1GiB",
  timeoutSeconds: 60,
  concurrency: 8,
  handle: ({ org, query }, given) => rollup({ org, query }, given),
});
