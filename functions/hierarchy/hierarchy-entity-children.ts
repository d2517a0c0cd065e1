import { orgAccess } from "#shared/access/caller.ts";
import { ChildList, childrenNamed } from "#shared/hierarchy/entities-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/hierarchy/{org}/entities/{entity_id}/children",
  summary: "The entities one level below",
  access: orgAccess("hierarchy:read"),
  uses: ["documents"],
  response: ChildList,
  errors: ["ENTITY_NOT_FOUND"],
  handle: ({ org, params }, { documents }) => childrenNamed({ org, entityId: params.entity_id }, documents),
});
