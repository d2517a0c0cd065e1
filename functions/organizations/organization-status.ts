import { rootAccess } from "#shared/access/caller.ts";
import { OrganizationStatus, organizationStatus } from "#shared/organizations/organization-tables.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/organizations/{org}/status",
  summary: "How the organization's dataset stands against the configuration",
  access: rootAccess(),
  uses: ["documents", "warehouse"],
  response: OrganizationStatus,
  errors: ["ORG_NOT_FOUND"],
  timeoutSeconds: 120,
  handle: ({ params }, given) => organizationStatus(params.org, given),
});
