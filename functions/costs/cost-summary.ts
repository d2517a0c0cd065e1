import { Type } from "@sinclair/typebox";
import { orgAccess } from "#shared/access/caller.ts";
import { pastReadErrors, SummaryQuery } from "#shared/costs/cost-query.ts";
import { answerSummary } from "#shared/costs/read-summary.ts";
import { CostSummary, NativeSummary } from "#shared/costs/summary-schema.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/costs/{org}/summary",
  summary: "What an organization spent in a range of days: totals, breakdowns, daily trend, and what is missing",
  access: orgAccess("costs:read", { root: true }),
  uses: ["documents", "warehouse"],
  query: SummaryQuery,
  response: Type.Union([CostSummary, NativeSummary]),
  errors: [...pastReadErrors, "ORG_NOT_FOUND", "ENTITY_NOT_FOUND"],
  perMinute: 60,
  memory: "1GiB",
  timeoutSeconds: 60,
  concurrency: 8,
  handle: ({ org, query }, given) => answerSummary({ org, query }, given),
});
