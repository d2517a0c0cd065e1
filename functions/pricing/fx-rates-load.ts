import { rootAccess } from "#shared/access/caller.ts";
import { FxLoadAnswer, FxLoadRequest, loadRates, longestFxBody } from "#shared/money/fx-load.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/admin/fx/rates",
  summary: "Store the days of a file of rates; stored rates stay unless forced",
  access: rootAccess(),
  uses: ["documents"],
  body: FxLoadRequest,
  bodyBytes: longestFxBody,
  response: FxLoadAnswer,
  audit: { action: "fx.loaded", operation: "CREATE", resourceType: "fx_rates" },
  timeoutSeconds: 300,
  steps: ({ body }, effects, given) => loadRates({ request: body }, effects, given),
});
