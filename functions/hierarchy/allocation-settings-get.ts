import { orgAccess } from "#shared/access/caller.ts";
import { SettingsAnswer } from "#shared/hierarchy/allocation-changes.ts";
import { readSettings } from "#shared/hierarchy/allocation-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/hierarchy/{org}/allocation/settings",
  summary: "Which tags name entities",
  access: orgAccess("hierarchy:read"),
  uses: ["documents"],
  response: SettingsAnswer,
  handle: ({ org }, { documents }) => readSettings(org, documents),
});
