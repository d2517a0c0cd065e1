import { orgAccess } from "#shared/access/caller.ts";
import { IssuedKey, IssueRequest, issueKey } from "#shared/api-keys/issue.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/organizations/{org}/api-keys",
  summary: "Issue an API key, with no more scopes than the caller has",
  access: orgAccess("keys:write", { root: true }),
  uses: ["documents", "keys"],
  body: IssueRequest,
  response: IssuedKey,
  statuses: [201],
  secretAnswer: true,
  errors: ["SCOPE_EXCEEDED", "PLAN_LIMIT_REACHED", "SUBSCRIPTION_INACTIVE"],
  limits: [{ per: "organization", times: 20, windowSeconds: 3600 }],
  audit: { action: "api_key.issued", operation: "CREATE", resourceType: "api_key" },
  steps: ({ org, caller, body }, effects, given) => issueKey({ org, caller, request: body }, effects, given),
});
