import { orgAccess } from "#shared/access/caller.ts";
import { EntityAnswer, RestoreRequest } from "#shared/hierarchy/entity.ts";
import { restoreEntity } from "#shared/hierarchy/entity-delete.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/hierarchy/{org}/entities/{entity_id}/restore",
  summary: "Restore a deleted entity under its id",
  access: orgAccess("hierarchy:write"),
  uses: ["documents"],
  body: RestoreRequest,
  response: EntityAnswer,
  errors: [
    "ENTITY_NOT_FOUND",
    "PARENT_REQUIRED",
    "PARENT_NOT_ALLOWED",
    "PARENT_NOT_FOUND",
    "PARENT_IS_LEAF",
    "PARENT_LEVEL_WRONG",
    "MAX_CHILDREN",
    "LIMIT_REACHED",
  ],
  audit: { action: "entity.restored", operation: "UPDATE", resourceType: "hierarchy_entity" },
  steps: ({ org, caller, params, body }, effects, given) =>
    restoreEntity({ org, caller, entityId: params.entity_id, kinds: [], request: body }, effects, given),
});
