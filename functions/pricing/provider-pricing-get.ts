import { orgAccess } from "#shared/access/caller.ts";
import { PriceDetail, PriceQuery, providerPrice } from "#shared/prices/prices-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/integrations/{org}/{provider}/pricing/{model_id}",
  summary: "The price a model name means on a day, how it was found, and all its versions",
  access: orgAccess("pricing:read"),
  uses: ["documents", "warehouse"],
  query: PriceQuery,
  response: PriceDetail,
  errors: ["UNKNOWN_PROVIDER", "PRICE_NOT_FOUND"],
  memory: "1GiB",
  handle: ({ org, params, query }, given) =>
    providerPrice({ org, provider: params.provider, model: params.model_id, query }, given),
});
