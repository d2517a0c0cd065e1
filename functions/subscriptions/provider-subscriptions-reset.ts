import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { resetSubscriptions } from "#shared/saas-plans/provider-subscriptions.ts";
import { SubscriptionList } from "#shared/saas-plans/subscription-answer.ts";
import { schedulesWhenPlanned } from "#shared/schedules/default-schedules.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/integrations/{org}/{provider}/subscriptions/reset",
  summary: "End the organization's own subscriptions with a provider; its tiers hold as they came",
  access: orgAccess("subscriptions:write"),
  uses: ["documents"],
  response: SubscriptionList,
  errors: ["UNKNOWN_PROVIDER"],
  audit: { action: "provider_subscription.reset", operation: "UPDATE", resourceType: "provider_subscription" },
  steps: ({ org, caller, params }, effects, given) =>
    resetSubscriptions({ org, caller, provider: params.provider, whenPlanned: schedulesWhenPlanned }, effects, given),
});
