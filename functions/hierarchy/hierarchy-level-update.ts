import { orgAccess } from "#shared/access/caller.ts";
import { LevelAnswer, LevelUpdate } from "#shared/hierarchy/level.ts";
import { updateLevel } from "#shared/hierarchy/level-changes.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "PUT",
  path: "/api/v1/hierarchy/{org}/levels/{level}",
  summary: "Change a level; its number stays",
  access: orgAccess("hierarchy:write"),
  uses: ["documents"],
  body: LevelUpdate,
  response: LevelAnswer,
  errors: ["LEVEL_NOT_FOUND", "LEVEL_EXISTS", "LEVEL_IN_USE"],
  audit: { action: "hierarchy_level.updated", operation: "UPDATE", resourceType: "hierarchy_level" },
  steps: ({ org, caller, params, body }, effects, given) =>
    updateLevel({ org, caller, level: params.level, request: body }, effects, given),
});
