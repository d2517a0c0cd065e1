import { orgAccess } from "#shared/access/caller.ts";
import { RangeQuery, UnpricedList, unpricedUsage } from "#shared/prices/unpriced-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/genai/{org}/pricing/unpriced",
  summary: "Published usage that has no price, by the provider's own name for it",
  access: orgAccess("pricing:read"),
  uses: ["documents", "warehouse"],
  query: RangeQuery,
  response: UnpricedList,
  errors: ["INVALID_DATE_RANGE", "RANGE_TOO_LONG"],
  memory: "1GiB",
  handle: ({ org, query }, given) => unpricedUsage({ org, query }, given),
});
