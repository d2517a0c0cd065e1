import { orgAccess } from "#shared/access/caller.ts";
import { OrgRateRequest, OrgRateRow, setOrgRate } from "#shared/money/fx-org-rates.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "PUT",
  path: "/api/v1/organizations/{org}/fx-rates",
  summary: "Convert one currency into another at the organization's own rate for some days",
  access: orgAccess("pricing:write"),
  uses: ["documents"],
  body: OrgRateRequest,
  response: OrgRateRow,
  errors: ["CURRENCY_UNKNOWN", "FX_RATE_OVERLAP"],
  audit: { action: "fx.org_rate_set", operation: "CREATE", resourceType: "fx_rate" },
  steps: ({ org, caller, body }, effects, given) => setOrgRate({ org, caller, request: body }, effects, given),
});
