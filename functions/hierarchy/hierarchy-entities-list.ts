import { orgAccess } from "#shared/access/caller.ts";
import { EntitiesQuery, EntityList, listEntities } from "#shared/hierarchy/entities-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/hierarchy/{org}",
  summary: "The entities of an organization in tree order",
  access: orgAccess("hierarchy:read", { root: true }),
  uses: ["documents"],
  query: EntitiesQuery,
  response: EntityList,
  errors: ["INVALID_CURSOR"],
  handle: ({ org, query }, { documents }) => listEntities(org, query, documents),
});
