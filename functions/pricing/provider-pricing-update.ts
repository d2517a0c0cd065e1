import { orgAccess } from "#shared/access/caller.ts";
import { WrittenPrice } from "#shared/prices/price-answer.ts";
import { PaygUpdateRequest } from "#shared/prices/price-fields.ts";
import { updatePrice } from "#shared/prices/provider-prices.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "PUT",
  path: "/api/v1/integrations/{org}/{provider}/pricing/{model_id}",
  summary: "A new version of a model's price from a day on; what is left out is copied from the one in force",
  access: orgAccess("pricing:write"),
  uses: ["documents"],
  body: PaygUpdateRequest,
  response: WrittenPrice,
  errors: ["UNKNOWN_PROVIDER", "PRICE_NOT_FOUND", "VERSION_CONFLICT"],
  audit: { action: "price.versioned", operation: "UPDATE", resourceType: "price" },
  steps: ({ org, caller, params, body }, effects, given) =>
    updatePrice({ org, caller, provider: params.provider, model: params.model_id, request: body }, effects, given),
});
