import { orgAccess } from "#shared/access/caller.ts";
import { EntityAnswer, MoveRequest } from "#shared/hierarchy/entity.ts";
import { moveEntity } from "#shared/hierarchy/entity-update.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/hierarchy/{org}/entities/{entity_id}/move",
  summary: "Put an entity, with all below it, under another parent",
  access: orgAccess("hierarchy:write"),
  uses: ["documents"],
  body: MoveRequest,
  response: EntityAnswer,
  errors: [
    "ENTITY_NOT_FOUND",
    "VERSION_CONFLICT",
    "PARENT_REQUIRED",
    "PARENT_NOT_ALLOWED",
    "PARENT_NOT_FOUND",
    "PARENT_IS_LEAF",
    "PARENT_LEVEL_WRONG",
    "MAX_CHILDREN",
  ],
  audit: { action: "entity.moved", operation: "UPDATE", resourceType: "hierarchy_entity" },
  steps: ({ org, caller, params, body }, effects, given) =>
    moveEntity({ org, caller, entityId: params.entity_id, kinds: [], request: body }, effects, given),
});
