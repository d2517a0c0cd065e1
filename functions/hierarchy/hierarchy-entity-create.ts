import { orgAccess } from "#shared/access/caller.ts";
import { EntityAnswer, EntityRequest } from "#shared/hierarchy/entity.ts";
import { createEntity } from "#shared/hierarchy/entity-create.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/hierarchy/{org}/entities",
  summary: "Make an entity",
  access: orgAccess("hierarchy:write"),
  uses: ["documents"],
  body: EntityRequest,
  response: EntityAnswer,
  statuses: [201],
  errors: [
    "ENTITY_EXISTS",
    "PARENT_REQUIRED",
    "PARENT_NOT_ALLOWED",
    "PARENT_NOT_FOUND",
    "PARENT_IS_LEAF",
    "PARENT_LEVEL_WRONG",
    "MAX_CHILDREN",
    "LIMIT_REACHED",
  ],
  audit: { action: "entity.created", operation: "CREATE", resourceType: "hierarchy_entity" },
  steps: ({ org, caller, body }, effects, given) => createEntity({ org, caller, request: body }, effects, given),
});
