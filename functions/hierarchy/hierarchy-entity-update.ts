import { orgAccess } from "#shared/access/caller.ts";
import { referenceKinds } from "#shared/entity-references/reference-kinds.ts";
import { EntityAnswer, EntityUpdate } from "#shared/hierarchy/entity.ts";
import { updateEntity } from "#shared/hierarchy/entity-update.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "PUT",
  path: "/api/v1/hierarchy/{org}/entities/{entity_id}",
  summary: "Change what an entity says about itself, end it or restore it",
  access: orgAccess("hierarchy:write"),
  uses: ["documents"],
  body: EntityUpdate,
  response: EntityAnswer,
  errors: [
    "ENTITY_NOT_FOUND",
    "VERSION_CONFLICT",
    "ENTITY_IN_USE",
    "PARENT_REQUIRED",
    "PARENT_NOT_ALLOWED",
    "PARENT_NOT_FOUND",
    "PARENT_IS_LEAF",
    "PARENT_LEVEL_WRONG",
    "MAX_CHILDREN",
    "LIMIT_REACHED",
  ],
  audit: { action: "entity.updated", operation: "UPDATE", resourceType: "hierarchy_entity" },
  steps: ({ org, caller, params, body }, effects, given) =>
    updateEntity({ org, caller, entityId: params.entity_id, kinds: referenceKinds, request: body }, effects, given),
});
