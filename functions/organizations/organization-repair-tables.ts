import { rootAccess } from "#shared/access/caller.ts";
import { organizationRepairTables, RepairReport } from "#shared/organizations/organization-tables.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/organizations/{org}/repair-tables",
  aliases: ["/api/v1/{org}/repair-tables"],
  summary: "Make the tables that the organization's dataset lacks; what stands is not touched",
  access: rootAccess(),
  uses: ["documents", "warehouse"],
  response: RepairReport,
  errors: ["ORG_NOT_FOUND", "DATASET_NOT_OURS"],
  timeoutSeconds: 300,
  audit: { action: "organization.tables_repaired", operation: "EXECUTE", resourceType: "organization" },
  steps: ({ params }, effects, given) => organizationRepairTables(params.org, effects, given),
});
