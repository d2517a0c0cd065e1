import { orgAccess } from "#shared/access/caller.ts";
import { AllPrices, AllPricesQuery, allPrices } from "#shared/prices/flow-prices.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/genai/{org}/pricing",
  summary: "Prices of all flows and providers in force on a day",
  access: orgAccess("pricing:read", { root: true }),
  uses: ["documents", "warehouse"],
  query: AllPricesQuery,
  response: AllPrices,
  errors: ["UNKNOWN_PROVIDER"],
  memory: "1GiB",
  handle: ({ org, query }, given) => allPrices({ org, query }, given),
});
