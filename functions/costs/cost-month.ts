import { orgAccess } from "#shared/access/caller.ts";
import { MonthAnswer } from "#shared/months/month-answer.ts";
import { readMonth } from "#shared/months/months-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/costs/{org}/months/{month}",
  summary: "One month: what it says and lacks, and whether it is closed",
  access: orgAccess("costs:read", { root: true }),
  uses: ["documents", "warehouse"],
  response: MonthAnswer,
  errors: ["MONTH_NOT_FOUND", "ORG_NOT_FOUND", "READ_BUSY"],
  perMinute: 60,
  memory: "1GiB",
  timeoutSeconds: 60,
  concurrency: 8,
  handle: ({ org, params }, given) => readMonth(org, params.month, given),
});
