import { orgAccess } from "#shared/access/caller.ts";
import { DescendantList, DescendantsQuery, descendantsNamed } from "#shared/hierarchy/entities-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/hierarchy/{org}/entities/{entity_id}/descendants",
  summary: "Everything below an entity, in tree order",
  access: orgAccess("hierarchy:read"),
  uses: ["documents"],
  query: DescendantsQuery,
  response: DescendantList,
  errors: ["ENTITY_NOT_FOUND", "INVALID_CURSOR"],
  handle: ({ org, params, query }, { documents }) =>
    descendantsNamed({ org, entityId: params.entity_id, query }, documents),
});
