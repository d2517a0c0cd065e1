import { Type } from "@sinclair/typebox";
import { orgAccess } from "#shared/access/caller.ts";
import { HistoryQuery } from "#shared/prices/flow-prices.ts";
import { withdrawFlowPrice } from "#shared/prices/price-removal.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "DELETE",
  path: "/api/v1/genai/{org}/pricing/{flow}/{identifier}",
  summary: "Withdraw the organization's price; also when it is withdrawn already",
  access: orgAccess("pricing:write", { root: true }),
  uses: ["documents"],
  query: HistoryQuery,
  response: Type.Null(),
  statuses: [204],
  errors: ["UNKNOWN_PROVIDER", "PRICE_NOT_FOUND", "PRICE_IS_DEFAULT", "PROVIDER_REQUIRED", "VERSION_CONFLICT"],
  audit: { action: "price.withdrawn", operation: "DELETE", resourceType: "price" },
  steps: ({ org, caller, params, query }, effects, given) =>
    withdrawFlowPrice({ org, caller, flow: params.flow, identifier: params.identifier, ...query }, effects, given),
});
