import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { PlanHistory, planHistory } from "#shared/saas-plans/plans-read.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/subscriptions/{org}/providers/{provider}/plans/{subscription_id}/history",
  summary: "All versions of a plan, withdrawn ones too",
  access: orgAccess("subscriptions:read"),
  uses: ["documents"],
  response: PlanHistory,
  errors: ["SAAS_PROVIDER_NOT_FOUND", "PLAN_NOT_FOUND"],
  handle: ({ org, params }, given) =>
    planHistory({ org, provider: params.provider, subscriptionId: params.subscription_id }, given),
});
