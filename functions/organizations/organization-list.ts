import { rootAccess } from "#shared/access/caller.ts";
import { listOrganizations, OrganizationList, OrganizationListQuery } from "#shared/organizations/organization-list.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/organizations",
  summary: "All organizations of the platform by slug",
  access: rootAccess(),
  uses: ["documents"],
  query: OrganizationListQuery,
  response: OrganizationList,
  errors: ["CURSOR_INVALID"],
  handle: ({ query }, given) => listOrganizations(query, given),
});
