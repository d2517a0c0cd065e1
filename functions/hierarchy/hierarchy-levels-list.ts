import { orgAccess } from "#shared/access/caller.ts";
import { LevelList } from "#shared/hierarchy/level.ts";
import { LevelsQuery, listLevels } from "#shared/hierarchy/level-changes.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/hierarchy/{org}/levels",
  summary: "The levels of an organization's structure, from the top down",
  access: orgAccess("hierarchy:read", { root: true }),
  uses: ["documents"],
  query: LevelsQuery,
  response: LevelList,
  handle: ({ org, query }, { documents }) => listLevels({ org, includeInactive: query.include_inactive }, documents),
});
