import { anyAccess } from "#shared/access/caller.ts";
import { FxRates, FxRatesQuery, readRates } from "#shared/money/fx-rates-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/fx/rates",
  summary: "Rates of currencies on a day: one set, where it is from, and whether it was carried forward",
  access: anyAccess(),
  uses: ["documents"],
  query: FxRatesQuery,
  response: FxRates,
  errors: ["CURRENCY_UNKNOWN"],
  handle: ({ query }, given) => readRates(query, given),
});
