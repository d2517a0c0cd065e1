import { Type } from "@sinclair/typebox";
import { orgAccess } from "#shared/access/caller.ts";
import { withdrawPrice } from "#shared/prices/price-removal.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";

export default httpFunction({
  method: "DELETE",
  path: "/api/v1/integrations/{org}/{provider}/pricing/{model_id}",
  summary: "Withdraw the organization's versions of a model's price, or one of them",
  access: orgAccess("pricing:write"),
  uses: ["documents"],
  query: strictObject({ price_id: Type.Optional(plainText(1, 100)) }),
  response: Type.Null(),
  statuses: [204],
  errors: ["UNKNOWN_PROVIDER", "PRICE_NOT_FOUND", "PRICE_IS_DEFAULT", "VERSION_CONFLICT"],
  audit: { action: "price.withdrawn", operation: "DELETE", resourceType: "price" },
  steps: ({ org, caller, params, query }, effects, given) =>
    withdrawPrice(
      { org, caller, provider: params.provider, model: params.model_id, priceId: query.price_id },
      effects,
      given,
    ),
});
