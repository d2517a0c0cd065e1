import { orgAccess } from "#shared/access/caller.ts";
import { PrimaryKey, primaryKey } from "#shared/api-keys/keys-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/organizations/{org}/api-key",
  summary: "The organization's primary API key, without the key itself",
  access: orgAccess("org:read", { root: true }),
  uses: ["documents"],
  response: PrimaryKey,
  errors: ["KEY_NOT_FOUND"],
  handle: ({ org }, { documents }) => primaryKey(org, documents),
});
