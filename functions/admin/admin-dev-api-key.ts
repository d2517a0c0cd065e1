import { rootAccess } from "#shared/access/caller.ts";
import { DevelopmentKey, revealDevelopmentKey } from "#shared/organizations/development-key.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/admin/dev/api-key/{org}",
  summary: "The organization's primary key, on development installations only",
  access: rootAccess(),
  uses: ["documents", "keys", "topics"],
  response: DevelopmentKey,
  errors: ["DEVELOPMENT_ONLY", "ORG_NOT_FOUND"],
  perMinute: 10,
  audit: { action: "api_key.revealed", operation: "READ", resourceType: "api_key" },
  steps: ({ params }, effects, given) => revealDevelopmentKey(params.org, effects, given),
});
