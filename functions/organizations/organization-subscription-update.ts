import { rootAccess } from "#shared/access/caller.ts";
import { organizationNamed } from "#shared/organizations/organization-named.ts";
import { SubscriptionUpdateAnswer } from "#shared/organizations/subscription-answer.ts";
import { SubscriptionRequest, updateSubscription } from "#shared/organizations/subscription-update.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "PUT",
  path: "/api/v1/organizations/{org}/subscription",
  summary: "Change plan, status, limits or dates; limits that are named win over every plan until they are reset",
  access: rootAccess(),
  uses: ["documents"],
  body: SubscriptionRequest,
  response: SubscriptionUpdateAnswer,
  errors: ["ORG_NOT_FOUND", "PLAN_MANAGED_BY_STRIPE"],
  audit: { action: "subscription.updated", operation: "UPDATE", resourceType: "subscription" },
  steps: async ({ params, body }, effects, { documents }) =>
    updateSubscription({ org: await organizationNamed(params.org, documents), request: body }, effects),
});
