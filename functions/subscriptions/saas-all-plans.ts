import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { AllPlans, AllPlansQuery, allPlans } from "#shared/saas-plans/all-plans.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/subscriptions/{org}/all-plans",
  summary: "Plans of all providers with a summary",
  access: orgAccess("subscriptions:read"),
  uses: ["documents"],
  query: AllPlansQuery,
  response: AllPlans,
  handle: ({ org, query }, given) => allPlans({ org, query }, given),
});
