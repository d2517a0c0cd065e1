import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { SubscriptionList } from "#shared/saas-plans/subscription-answer.ts";
import { listSubscriptions, SubscriptionsQuery } from "#shared/saas-plans/subscriptions-read.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/integrations/{org}/{provider}/subscriptions",
  summary: "The organization's own tiers and plans with a provider",
  access: orgAccess("subscriptions:read"),
  uses: ["documents"],
  query: SubscriptionsQuery,
  response: SubscriptionList,
  errors: ["UNKNOWN_PROVIDER"],
  handle: ({ org, params, query }, given) => listSubscriptions({ org, provider: params.provider, query }, given),
});
