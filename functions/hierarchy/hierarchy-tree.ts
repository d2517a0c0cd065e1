import { orgAccess } from "#shared/access/caller.ts";
import { readTree, TreeAnswer, TreeQuery } from "#shared/hierarchy/tree-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/hierarchy/{org}/tree",
  summary: "The structure as a tree: now, at a version, or at an instant",
  access: orgAccess("hierarchy:read", { root: true }),
  uses: ["documents"],
  query: TreeQuery,
  response: TreeAnswer,
  errors: ["ENTITY_NOT_FOUND", "VERSION_NOT_FOUND"],
  handle: ({ org, query }, given) => readTree(org, query, given),
});
