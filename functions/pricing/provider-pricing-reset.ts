import { orgAccess } from "#shared/access/caller.ts";
import { resetPrices } from "#shared/prices/price-removal.ts";
import { PriceList } from "#shared/prices/prices-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/integrations/{org}/{provider}/pricing/reset",
  summary: "Withdraw the organization's prices and overrides of a provider",
  access: orgAccess("pricing:write"),
  uses: ["documents"],
  response: PriceList,
  errors: ["UNKNOWN_PROVIDER", "VERSION_CONFLICT"],
  audit: { action: "price.reset", operation: "DELETE", resourceType: "price" },
  steps: ({ org, caller, params }, effects, given) =>
    resetPrices({ org, caller, provider: params.provider }, effects, given),
});
