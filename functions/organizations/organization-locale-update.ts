import { orgAccess } from "#shared/access/caller.ts";
import { LocaleAnswer, LocaleUpdate, updateLocale } from "#shared/organizations/locale-update.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { schedulesInZone } from "#shared/schedules/zone-change.ts";

export default httpFunction({
  method: "PUT",
  path: "/api/v1/organizations/{org}/locale",
  summary: "Change parts of the locale; no stored amount changes with it",
  access: orgAccess("org:write", { root: true }),
  uses: ["documents"],
  body: LocaleUpdate,
  response: LocaleAnswer,
  errors: ["VERSION_CONFLICT"],
  audit: { action: "organization.updated", operation: "UPDATE", resourceType: "organization" },
  steps: ({ org, body }, effects) => updateLocale({ org, request: body, whenZoneChanges: schedulesInZone }, effects),
});
