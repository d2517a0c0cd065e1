import { orgAccess } from "#shared/access/caller.ts";
import { HistoryQuery, PriceHistory, priceHistory } from "#shared/prices/flow-prices.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/genai/{org}/pricing/{flow}/{identifier}/history",
  summary: "Every version of a price, withdrawn ones too, and by whom",
  access: orgAccess("pricing:read", { root: true }),
  uses: ["documents", "warehouse"],
  query: HistoryQuery,
  response: PriceHistory,
  errors: ["UNKNOWN_PROVIDER", "PRICE_NOT_FOUND", "PROVIDER_REQUIRED"],
  memory: "1GiB",
  handle: ({ org, params, query }, given) =>
    priceHistory({ org, flow: params.flow, identifier: params.identifier, query }, given),
});
