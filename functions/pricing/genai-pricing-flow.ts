import { orgAccess } from "#shared/access/caller.ts";
import { FlowPrices, FlowQuery, flowPrices } from "#shared/prices/flow-prices.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/genai/{org}/pricing/{flow}",
  summary: "Prices of one flow in force on a day",
  access: orgAccess("pricing:read", { root: true }),
  uses: ["documents", "warehouse"],
  query: FlowQuery,
  response: FlowPrices,
  errors: ["UNKNOWN_PROVIDER", "PRICE_NOT_FOUND", "INVALID_CURSOR"],
  memory: "1GiB",
  handle: ({ org, params, query }, given) => flowPrices({ org, flow: params.flow, query }, given),
});
