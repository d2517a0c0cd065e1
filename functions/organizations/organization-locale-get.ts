import { orgAccess } from "#shared/access/caller.ts";
import { LocaleAnswer, readLocale } from "#shared/organizations/locale-update.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/organizations/{org}/locale",
  summary: "Currency, country, language, time zone, fiscal year and date format of the organization",
  access: orgAccess("org:read", { root: true }),
  uses: ["documents"],
  response: LocaleAnswer,
  handle: ({ org }, { documents }) => readLocale(org, documents),
});
