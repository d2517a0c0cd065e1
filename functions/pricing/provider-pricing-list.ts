import { orgAccess } from "#shared/access/caller.ts";
import { PriceList, PriceListQuery, providerPrices } from "#shared/prices/prices-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/integrations/{org}/{provider}/pricing",
  summary: "Prices of a provider in force on a day, the organization's own over the platform's",
  access: orgAccess("pricing:read"),
  uses: ["documents", "warehouse"],
  query: PriceListQuery,
  response: PriceList,
  errors: ["UNKNOWN_PROVIDER", "INVALID_CURSOR"],
  memory: "1GiB",
  handle: ({ org, params, query }, given) => providerPrices({ org, provider: params.provider, query }, given),
});
