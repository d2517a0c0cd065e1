import { Type } from "@sinclair/typebox";
import { orgAccess } from "#shared/access/caller.ts";
import { HistoryQuery } from "#shared/prices/flow-prices.ts";
import { clearOverride } from "#shared/prices/price-overrides.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "DELETE",
  path: "/api/v1/genai/{org}/pricing/{flow}/{identifier}/override",
  summary: "Withdraw the override of a price; also when there is none",
  access: orgAccess("pricing:write", { root: true }),
  uses: ["documents"],
  query: HistoryQuery,
  response: Type.Null(),
  statuses: [204],
  errors: ["UNKNOWN_PROVIDER", "PRICE_NOT_FOUND", "PROVIDER_REQUIRED", "VERSION_CONFLICT"],
  audit: { action: "price.override_cleared", operation: "DELETE", resourceType: "price" },
  steps: ({ org, caller, params, query }, effects, given) =>
    clearOverride(
      {
        org,
        caller,
        flow: params.flow,
        identifier: params.identifier,
        provider: query.provider,
        region: query.region,
      },
      effects,
      given,
    ),
});
