import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { SubscriptionDetail } from "#shared/saas-plans/subscription-answer.ts";
import { getSubscription } from "#shared/saas-plans/subscriptions-read.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/integrations/{org}/{provider}/subscriptions/{plan_name}",
  summary: "A subscription with a provider, by name or id, with all its versions",
  access: orgAccess("subscriptions:read"),
  uses: ["documents"],
  response: SubscriptionDetail,
  errors: ["UNKNOWN_PROVIDER", "SUBSCRIPTION_NOT_FOUND"],
  handle: ({ org, params }, given) =>
    getSubscription({ org, provider: params.provider, name: params.plan_name }, given),
});
