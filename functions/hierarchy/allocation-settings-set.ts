import { orgAccess } from "#shared/access/caller.ts";
import { SettingsAnswer, SettingsRequest, setSettings } from "#shared/hierarchy/allocation-changes.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "PUT",
  path: "/api/v1/hierarchy/{org}/allocation/settings",
  summary: "Say which tags name entities",
  access: orgAccess("hierarchy:write"),
  uses: ["documents"],
  body: SettingsRequest,
  response: SettingsAnswer,
  audit: { action: "allocation_settings.updated", operation: "UPDATE", resourceType: "allocation_settings" },
  steps: ({ org, caller, body }, effects, given) => setSettings({ org, caller, request: body }, effects, given),
});
