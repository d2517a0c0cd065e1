import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { createPlan, PlanCreated } from "#shared/saas-plans/plan-create.ts";
import { CreatePlan, CreateQuery } from "#shared/saas-plans/plan-fields.ts";
import { schedulesWhenPlanned } from "#shared/schedules/default-schedules.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/subscriptions/{org}/providers/{provider}/plans",
  summary: "Add a plan from a day on; its provider is switched on with it",
  access: orgAccess("subscriptions:write"),
  uses: ["documents"],
  query: CreateQuery,
  body: CreatePlan,
  response: PlanCreated,
  statuses: [201],
  errors: ["SAAS_PROVIDER_NOT_FOUND", "USE_INTEGRATION", "PLAN_EXISTS", "HIERARCHY_ENTITY_UNKNOWN"],
  audit: { action: "saas_plan.created", operation: "CREATE", resourceType: "saas_plan" },
  steps: ({ org, caller, params, body }, effects, given) =>
    createPlan(
      { org, caller, provider: params.provider, request: body, whenPlanned: schedulesWhenPlanned },
      effects,
      given,
    ),
});
