import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { updateSubscription } from "#shared/saas-plans/provider-subscriptions.ts";
import { SubscriptionRow } from "#shared/saas-plans/subscription-answer.ts";
import { UpdateSubscription } from "#shared/saas-plans/subscription-fields.ts";
import { schedulesWhenPlanned } from "#shared/schedules/default-schedules.ts";

export default httpFunction({
  method: "PUT",
  path: "/api/v1/integrations/{org}/{provider}/subscriptions/{plan_name}",
  summary: "Change a subscription from a day on: a new version takes over",
  access: orgAccess("subscriptions:write"),
  uses: ["documents"],
  body: UpdateSubscription,
  response: SubscriptionRow,
  errors: ["UNKNOWN_PROVIDER", "SUBSCRIPTION_NOT_FOUND", "HIERARCHY_ENTITY_UNKNOWN"],
  audit: { action: "provider_subscription.versioned", operation: "UPDATE", resourceType: "provider_subscription" },
  steps: ({ org, caller, params, body }, effects, given) =>
    updateSubscription(
      {
        org,
        caller,
        provider: params.provider,
        name: params.plan_name,
        request: body,
        whenPlanned: schedulesWhenPlanned,
      },
      effects,
      given,
    ),
});
