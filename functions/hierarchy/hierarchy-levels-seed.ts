import { orgAccess } from "#shared/access/caller.ts";
import { LevelList } from "#shared/hierarchy/level.ts";
import { seedLevels } from "#shared/hierarchy/level-changes.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/hierarchy/{org}/levels/seed",
  summary: "Make the default levels that are missing",
  access: orgAccess("hierarchy:write", { root: true }),
  uses: ["documents"],
  response: LevelList,
  errors: ["LEVEL_IN_USE"],
  audit: { action: "hierarchy_level.seeded", operation: "CREATE", resourceType: "hierarchy_level" },
  steps: ({ org, caller }, effects, given) => seedLevels({ org, caller }, effects, given),
});
