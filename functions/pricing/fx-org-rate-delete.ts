import { Type } from "@sinclair/typebox";
import { orgAccess } from "#shared/access/caller.ts";
import { deleteOrgRate, OrgRateQuery } from "#shared/money/fx-org-rates.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "DELETE",
  path: "/api/v1/organizations/{org}/fx-rates",
  summary: "Take a rate of the organization's own back; also when there is none",
  access: orgAccess("pricing:write"),
  uses: ["documents"],
  query: OrgRateQuery,
  response: Type.Null(),
  statuses: [204],
  audit: { action: "fx.org_rate_deleted", operation: "DELETE", resourceType: "fx_rate" },
  steps: ({ org, caller, query }, effects) => deleteOrgRate({ org, caller, query }, effects),
});
