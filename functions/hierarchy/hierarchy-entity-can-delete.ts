import { orgAccess } from "#shared/access/caller.ts";
import { referenceKinds } from "#shared/entity-references/reference-kinds.ts";
import { CanDelete, canDelete } from "#shared/hierarchy/entity-delete.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/hierarchy/{org}/entities/{entity_id}/can-delete",
  summary: "What stands in the way of deleting an entity, and what force would do",
  access: orgAccess("hierarchy:read"),
  uses: ["documents"],
  response: CanDelete,
  errors: ["ENTITY_NOT_FOUND"],
  handle: ({ org, params }, { documents }) =>
    canDelete({ org, entityId: params.entity_id, kinds: referenceKinds }, documents),
});
