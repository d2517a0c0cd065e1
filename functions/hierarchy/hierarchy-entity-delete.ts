import { Type } from "@sinclair/typebox";
import { orgAccess } from "#shared/access/caller.ts";
import { referenceKinds } from "#shared/entity-references/reference-kinds.ts";
import { DeleteQuery, deleteEntity } from "#shared/hierarchy/entity-delete.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "DELETE",
  path: "/api/v1/hierarchy/{org}/entities/{entity_id}",
  summary: "End an entity; with force all below it and its references too",
  access: orgAccess("hierarchy:write"),
  uses: ["documents"],
  query: DeleteQuery,
  response: Type.Null(),
  statuses: [204],
  errors: ["ENTITY_NOT_FOUND", "ENTITY_IN_USE", "HIERARCHY_ENTITY_UNKNOWN"],
  audit: { action: "entity.deleted", operation: "DELETE", resourceType: "hierarchy_entity" },
  steps: ({ org, caller, params, query }, effects, given) =>
    deleteEntity({ org, caller, entityId: params.entity_id, kinds: referenceKinds, query }, effects, given),
});
