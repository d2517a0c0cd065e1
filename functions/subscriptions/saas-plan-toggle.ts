import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { PlanToggled, togglePlan } from "#shared/saas-plans/plan-end.ts";
import { schedulesWhenPlanned } from "#shared/schedules/default-schedules.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/subscriptions/{org}/providers/{provider}/toggle/{subscription_id}",
  summary: "End a plan today, or let it go on",
  access: orgAccess("subscriptions:write"),
  uses: ["documents"],
  response: PlanToggled,
  errors: ["SAAS_PROVIDER_NOT_FOUND", "PLAN_NOT_FOUND", "PLAN_SUPERSEDED"],
  audit: { action: "saas_plan.toggled", operation: "UPDATE", resourceType: "saas_plan" },
  steps: ({ org, caller, params }, effects, given) =>
    togglePlan(
      {
        org,
        caller,
        provider: params.provider,
        subscriptionId: params.subscription_id,
        whenPlanned: schedulesWhenPlanned,
      },
      effects,
      given,
    ),
});
