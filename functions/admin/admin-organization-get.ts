import { rootAccess } from "#shared/access/caller.ts";
import { AdminOrganization, adminOrganization } from "#shared/organizations/admin-organization.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/admin/organizations/{org}",
  summary: "For older operators' tools: how many datasets, keys and runs an organization has",
  access: rootAccess(),
  uses: ["documents", "warehouse"],
  response: AdminOrganization,
  errors: ["ORG_NOT_FOUND"],
  handle: ({ params }, given) => adminOrganization(params.org, given),
});
