import { orgAccess } from "#shared/access/caller.ts";
import { rangeReadErrors } from "#shared/costs/cost-query.ts";
import { Coverage, CoverageQuery, coverage } from "#shared/rollup/coverage.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/hierarchy/{org}/allocation/coverage",
  summary: "How much of published cost reached an entity, how, and where most of the rest comes from",
  access: orgAccess("hierarchy:read", { also: "costs:read" }),
  uses: ["documents", "warehouse"],
  query: CoverageQuery,
  response: Coverage,
  errors: rangeReadErrors,
  perMinute: 60,
  memory: "1GiB",
  timeoutSeconds: 60,
  concurrency: 8,
  handle: ({ org, query }, given) => coverage({ org, query }, given),
});
