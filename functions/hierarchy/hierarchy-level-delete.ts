import { Type } from "@sinclair/typebox";
import { orgAccess } from "#shared/access/caller.ts";
import { deleteLevel } from "#shared/hierarchy/level-changes.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "DELETE",
  path: "/api/v1/hierarchy/{org}/levels/{level}",
  summary: "Remove the deepest level when it has no active entities",
  access: orgAccess("hierarchy:write"),
  uses: ["documents"],
  response: Type.Null(),
  statuses: [204],
  errors: ["LEVEL_NOT_FOUND", "LEVEL_IN_USE"],
  audit: { action: "hierarchy_level.deleted", operation: "DELETE", resourceType: "hierarchy_level" },
  steps: ({ org, caller, params }, effects, given) => deleteLevel({ org, caller, level: params.level }, effects, given),
});
