import { orgAccess } from "#shared/access/caller.ts";
import { LevelAnswer } from "#shared/hierarchy/level.ts";
import { levelNamed } from "#shared/hierarchy/level-changes.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/hierarchy/{org}/levels/{level}",
  summary: "One level",
  access: orgAccess("hierarchy:read"),
  uses: ["documents"],
  response: LevelAnswer,
  errors: ["LEVEL_NOT_FOUND"],
  handle: ({ org, params }, { documents }) => levelNamed({ org, level: params.level }, documents),
});
