import { orgAccess } from "#shared/access/caller.ts";
import { PolicyAnswer, PolicyRequest, setPolicy } from "#shared/prices/book-policy.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "PUT",
  path: "/api/v1/genai/{org}/pricing/policy",
  summary: "Let new days follow the newest release of the platform's prices, or stay with one",
  access: orgAccess("pricing:write"),
  uses: ["documents"],
  body: PolicyRequest,
  response: PolicyAnswer,
  errors: ["VERSION_CONFLICT"],
  audit: { action: "price.policy_set", operation: "UPDATE", resourceType: "price_book" },
  steps: ({ org, caller, body }, effects, given) => setPolicy({ org, caller, request: body }, effects, given),
});
