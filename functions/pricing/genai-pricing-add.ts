import { orgAccess } from "#shared/access/caller.ts";
import { WrittenPrice } from "#shared/prices/price-answer.ts";
import { FlowPriceRequest } from "#shared/prices/price-fields.ts";
import { addFlowPrice } from "#shared/prices/provider-prices.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/genai/{org}/pricing/{flow}",
  summary: "Add a price of the organization's own to a flow",
  access: orgAccess("pricing:write", { root: true }),
  uses: ["documents"],
  body: FlowPriceRequest,
  response: WrittenPrice,
  statuses: [201, 200],
  errors: ["UNKNOWN_PROVIDER", "PRICE_NOT_FOUND", "PRICE_EXISTS", "VERSION_CONFLICT"],
  audit: { action: "price.added", operation: "CREATE", resourceType: "price" },
  steps: ({ org, caller, params, body }, effects, given) =>
    addFlowPrice({ org, caller, flow: params.flow, request: body }, effects, given),
});
