import { orgAccess } from "#shared/access/caller.ts";
import { convertAmount, FxConverted, FxConvertQuery } from "#shared/money/fx-convert.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/organizations/{org}/fx/convert",
  summary: "An amount in another currency, at the rate costs of that day are converted with",
  access: orgAccess("pricing:read"),
  uses: ["documents"],
  query: FxConvertQuery,
  response: FxConverted,
  errors: ["CURRENCY_UNKNOWN", "FX_RATE_NOT_FOUND", "AMOUNT_OUT_OF_RANGE"],
  handle: ({ org, query }, given) => convertAmount({ org, query }, given),
});
