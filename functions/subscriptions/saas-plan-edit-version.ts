import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { editPlanVersion, PlanEdited } from "#shared/saas-plans/plan-edit.ts";
import { EditPlan } from "#shared/saas-plans/plan-fields.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/subscriptions/{org}/providers/{provider}/plans/{subscription_id}/edit-version",
  summary: "Change a plan from a day on: a new version takes over",
  access: orgAccess("subscriptions:write"),
  uses: ["documents"],
  body: EditPlan,
  response: PlanEdited,
  errors: [
    "SAAS_PROVIDER_NOT_FOUND",
    "PLAN_NOT_FOUND",
    "PLAN_SUPERSEDED",
    "NOT_IN_FORCE",
    "PLAN_EXISTS",
    "HIERARCHY_ENTITY_UNKNOWN",
  ],
  audit: { action: "saas_plan.versioned", operation: "UPDATE", resourceType: "saas_plan" },
  steps: ({ org, caller, params, body }, effects, given) =>
    editPlanVersion(
      { org, caller, provider: params.provider, subscriptionId: params.subscription_id, request: body },
      effects,
      given,
    ),
});
