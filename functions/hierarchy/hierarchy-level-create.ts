import { orgAccess } from "#shared/access/caller.ts";
import { LevelAnswer, LevelRequest } from "#shared/hierarchy/level.ts";
import { createLevel } from "#shared/hierarchy/level-changes.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/hierarchy/{org}/levels",
  summary: "Add the next deeper level",
  access: orgAccess("hierarchy:write"),
  uses: ["documents"],
  body: LevelRequest,
  response: LevelAnswer,
  statuses: [201],
  errors: ["LEVEL_EXISTS"],
  audit: { action: "hierarchy_level.created", operation: "CREATE", resourceType: "hierarchy_level" },
  steps: ({ org, caller, body }, effects, given) => createLevel({ org, caller, request: body }, effects, given),
});
