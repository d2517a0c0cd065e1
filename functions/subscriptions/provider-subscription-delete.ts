import { Type } from "@sinclair/typebox";
import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { EndDate } from "#shared/saas-plans/plan-fields.ts";
import { endSubscription } from "#shared/saas-plans/provider-subscriptions.ts";

export default httpFunction({
  method: "DELETE",
  path: "/api/v1/integrations/{org}/{provider}/subscriptions/{plan_name}",
  summary: "End a subscription after a day; it is kept",
  access: orgAccess("subscriptions:write"),
  uses: ["documents"],
  query: EndDate,
  body: EndDate,
  response: Type.Null(),
  statuses: [204],
  errors: ["UNKNOWN_PROVIDER", "SUBSCRIPTION_NOT_FOUND"],
  audit: { action: "provider_subscription.ended", operation: "DELETE", resourceType: "provider_subscription" },
  steps: ({ org, caller, params, body, query }, effects, given) =>
    endSubscription(
      { org, caller, provider: params.provider, name: params.plan_name, endDate: body.end_date ?? query.end_date },
      effects,
      given,
    ),
});
