import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { listPlans, PlanList, PlansQuery } from "#shared/saas-plans/plans-read.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/subscriptions/{org}/providers/{provider}/plans",
  summary: "Plans of a provider with what they cost in a month and a year",
  access: orgAccess("subscriptions:read"),
  uses: ["documents"],
  query: PlansQuery,
  response: PlanList,
  errors: ["SAAS_PROVIDER_NOT_FOUND"],
  handle: ({ org, params, query }, given) => listPlans({ org, provider: params.provider, query }, given),
});
