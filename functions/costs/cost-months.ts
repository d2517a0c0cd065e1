import { orgAccess } from "#shared/access/caller.ts";
import { listMonths, MonthList, MonthsQuery } from "#shared/months/months-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/costs/{org}/months",
  summary: "Months with what they say and lack, whether they are closed, and what corrects them elsewhere",
  access: orgAccess("costs:read", { root: true }),
  uses: ["documents", "warehouse"],
  query: MonthsQuery,
  response: MonthList,
  errors: ["INVALID_DATE", "RANGE_TOO_LONG", "ORG_NOT_FOUND", "READ_BUSY"],
  perMinute: 60,
  memory: "1GiB",
  timeoutSeconds: 60,
  concurrency: 8,
  handle: ({ org, query }, given) => listMonths({ org, query }, given),
});
