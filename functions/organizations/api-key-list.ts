import { orgAccess } from "#shared/access/caller.ts";
import { KeyList, listKeys } from "#shared/api-keys/keys-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/organizations/{org}/api-keys",
  summary: "The organization's API keys, newest first, without the keys themselves",
  access: orgAccess("keys:read", { root: true }),
  uses: ["documents"],
  response: KeyList,
  handle: ({ org }, { documents }) => listKeys(org, documents),
});
