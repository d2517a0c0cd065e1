import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { addSubscription } from "#shared/saas-plans/provider-subscriptions.ts";
import { SubscriptionRow } from "#shared/saas-plans/subscription-answer.ts";
import { AddSubscription } from "#shared/saas-plans/subscription-fields.ts";
import { schedulesWhenPlanned } from "#shared/schedules/default-schedules.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/integrations/{org}/{provider}/subscriptions",
  summary: "Add a subscription with a provider from a day on",
  access: orgAccess("subscriptions:write"),
  uses: ["documents"],
  body: AddSubscription,
  response: SubscriptionRow,
  statuses: [201],
  errors: ["UNKNOWN_PROVIDER", "SUBSCRIPTION_EXISTS", "HIERARCHY_ENTITY_UNKNOWN"],
  audit: { action: "provider_subscription.added", operation: "CREATE", resourceType: "provider_subscription" },
  steps: ({ org, caller, params, body }, effects, given) =>
    addSubscription(
      { org, caller, provider: params.provider, request: body, whenPlanned: schedulesWhenPlanned },
      effects,
      given,
    ),
});
