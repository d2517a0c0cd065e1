import { orgAccess } from "#shared/access/caller.ts";
import { AncestorList, ancestorsNamed } from "#shared/hierarchy/entities-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/hierarchy/{org}/entities/{entity_id}/ancestors",
  summary: "The entities above, the root first",
  access: orgAccess("hierarchy:read"),
  uses: ["documents"],
  response: AncestorList,
  errors: ["ENTITY_NOT_FOUND"],
  handle: ({ org, params }, { documents }) => ancestorsNamed({ org, entityId: params.entity_id }, documents),
});
