import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { PlanUpdated, updatePlan } from "#shared/saas-plans/plan-edit.ts";
import { UpdatePlan } from "#shared/saas-plans/plan-fields.ts";

export default httpFunction({
  method: "PUT",
  path: "/api/v1/subscriptions/{org}/providers/{provider}/plans/{subscription_id}",
  summary: "Describe a plan otherwise, or correct it from its own start",
  access: orgAccess("subscriptions:write"),
  uses: ["documents"],
  body: UpdatePlan,
  response: PlanUpdated,
  errors: [
    "SAAS_PROVIDER_NOT_FOUND",
    "PLAN_NOT_FOUND",
    "PLAN_SUPERSEDED",
    "PLAN_EXISTS",
    "VERSION_CONFLICT",
    "HIERARCHY_ENTITY_UNKNOWN",
  ],
  audit: { action: "saas_plan.updated", operation: "UPDATE", resourceType: "saas_plan" },
  steps: ({ org, caller, params, body }, effects, given) =>
    updatePlan(
      { org, caller, provider: params.provider, subscriptionId: params.subscription_id, request: body },
      effects,
      given,
    ),
});
