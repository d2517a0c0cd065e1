import { orgAccess } from "#shared/access/caller.ts";
import { readSubscriptionAnswer, SubscriptionAnswer } from "#shared/organizations/subscription-answer.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/organizations/{org}/subscription",
  summary: "Plan, status, limits and entitlements in force",
  access: orgAccess("org:read", { root: true }),
  // The way out of a stopped subscription begins with reading it.
  subscription: "any",
  uses: ["documents"],
  response: SubscriptionAnswer,
  handle: ({ org }, { documents }) => readSubscriptionAnswer(org, documents),
});
