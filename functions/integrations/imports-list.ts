import { orgAccess } from "#shared/access/caller.ts";
import { ImportList, ImportListQuery, listImports } from "#shared/imports/imports-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/integrations/{org}/{provider}/imports",
  summary: "Delivered files, newest first",
  access: orgAccess("integrations:read"),
  uses: ["documents"],
  query: ImportListQuery,
  response: ImportList,
  errors: ["UNKNOWN_PROVIDER"],
  handle: ({ org, params, query }, { documents }) => listImports({ org, provider: params.provider, query }, documents),
});
