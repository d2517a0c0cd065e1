import { orgAccess } from "#shared/access/caller.ts";
import { WrittenPrice } from "#shared/prices/price-answer.ts";
import { PaygPriceRequest } from "#shared/prices/price-fields.ts";
import { addPrice } from "#shared/prices/provider-prices.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/integrations/{org}/{provider}/pricing",
  summary: "Add a price of the organization's own; it holds from a day on and overwrites nothing",
  access: orgAccess("pricing:write"),
  uses: ["documents"],
  body: PaygPriceRequest,
  response: WrittenPrice,
  statuses: [201, 200],
  errors: ["UNKNOWN_PROVIDER", "PRICE_EXISTS", "VERSION_CONFLICT"],
  audit: { action: "price.added", operation: "CREATE", resourceType: "price" },
  steps: ({ org, caller, params, body }, effects, given) =>
    addPrice({ org, caller, provider: params.provider, flow: "payg", request: body }, effects, given),
});
