import { orgAccess } from "#shared/access/caller.ts";
import { listOrgRates, OrgRateList } from "#shared/money/fx-org-rates.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/organizations/{org}/fx-rates",
  summary: "The organization's own rates, e.g. of its treasury",
  access: orgAccess("pricing:read"),
  uses: ["documents"],
  response: OrgRateList,
  handle: ({ org }, { documents }) => listOrgRates(org, documents),
});
