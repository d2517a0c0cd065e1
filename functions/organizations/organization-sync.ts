import { rootAccess } from "#shared/access/caller.ts";
import {
  OrganizationSyncReport,
  OrganizationSyncRequest,
  organizationSync,
} from "#shared/organizations/organization-tables.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/organizations/{org}/sync",
  summary: "Add tables, columns and views that the organization's dataset lacks; nothing is dropped or changed",
  access: rootAccess(),
  uses: ["documents", "warehouse"],
  body: OrganizationSyncRequest,
  response: OrganizationSyncReport,
  errors: ["ORG_NOT_FOUND", "DATASET_NOT_OURS"],
  timeoutSeconds: 300,
  audit: { action: "organization.synced", operation: "EXECUTE", resourceType: "organization" },
  steps: ({ params, body }, effects, given) => organizationSync({ slug: params.org, request: body }, effects, given),
});
