import { orgAccess } from "#shared/access/caller.ts";
import { SeedAnswer, SeedQuery, seedEntities } from "#shared/hierarchy/entity-seed.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/hierarchy/{org}/entities/seed",
  summary: "Make the entities of the shipped example",
  access: orgAccess("hierarchy:write", { root: true }),
  uses: ["documents"],
  query: SeedQuery,
  response: SeedAnswer,
  errors: ["ENTITIES_EXIST"],
  audit: { action: "entity.seeded", operation: "CREATE", resourceType: "hierarchy_entity" },
  steps: ({ org, caller, query }, effects, given) => seedEntities({ org, caller, force: query.force }, effects, given),
});
