import { orgAccess } from "#shared/access/caller.ts";
import { entityNamed } from "#shared/hierarchy/entities-read.ts";
import { EntityAnswer } from "#shared/hierarchy/entity.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/hierarchy/{org}/entities/{entity_id}",
  summary: "One entity, deleted ones too",
  access: orgAccess("hierarchy:read"),
  uses: ["documents"],
  response: EntityAnswer,
  errors: ["ENTITY_NOT_FOUND"],
  handle: ({ org, params }, { documents }) => entityNamed({ org, entityId: params.entity_id }, documents),
});
