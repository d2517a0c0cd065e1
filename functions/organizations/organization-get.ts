import { orgAccess } from "#shared/access/caller.ts";
import { OrganizationAnswer, readOrganizationAnswer } from "#shared/organizations/organization-answer.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/organizations/{org}",
  summary: "Profile, locale, plan, state and dataset of the organization",
  access: orgAccess("org:read", { root: true }),
  uses: ["documents"],
  response: OrganizationAnswer,
  handle: ({ org }, { documents }) => readOrganizationAnswer(org, documents),
});
