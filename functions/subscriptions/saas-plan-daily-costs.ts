import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { DailyCosts, DailyCostsQuery, dailyCosts } from "#shared/saas-plans/daily-costs.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/subscriptions/{org}/providers/{provider}/plans/{subscription_id}/daily-costs",
  summary: "What a plan costs day by day, in days to come too",
  access: orgAccess("subscriptions:read"),
  uses: ["documents"],
  query: DailyCostsQuery,
  response: DailyCosts,
  errors: ["SAAS_PROVIDER_NOT_FOUND", "PLAN_NOT_FOUND", "INVALID_DATE", "INVALID_DATE_RANGE", "RANGE_TOO_LONG"],
  handle: ({ org, params, query }, given) =>
    dailyCosts({ org, provider: params.provider, subscriptionId: params.subscription_id, query }, given),
});
