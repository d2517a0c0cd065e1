import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { endPlan, PlanEnded } from "#shared/saas-plans/plan-end.ts";
import { EndPlan } from "#shared/saas-plans/plan-fields.ts";

export default httpFunction({
  method: "DELETE",
  path: "/api/v1/subscriptions/{org}/providers/{provider}/plans/{subscription_id}",
  summary: "End a plan, all of its versions, after a day; it is kept",
  access: orgAccess("subscriptions:write"),
  uses: ["documents"],
  query: EndPlan,
  body: EndPlan,
  response: PlanEnded,
  errors: ["SAAS_PROVIDER_NOT_FOUND", "PLAN_NOT_FOUND"],
  audit: { action: "saas_plan.ended", operation: "DELETE", resourceType: "saas_plan" },
  steps: ({ org, caller, params, body, query }, effects, given) =>
    endPlan(
      {
        org,
        caller,
        provider: params.provider,
        subscriptionId: params.subscription_id,
        request: { ...query, ...body },
      },
      effects,
      given,
    ),
});
