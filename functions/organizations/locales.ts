import { anyAccess } from "#shared/access/caller.ts";
import { LocaleLists, localeLists } from "#shared/organizations/locale-lists.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/locales",
  summary: "Currencies, languages, countries, time zones, fiscal years and date formats to choose from",
  access: anyAccess(),
  uses: [],
  response: LocaleLists,
  handle: () => localeLists(),
});
