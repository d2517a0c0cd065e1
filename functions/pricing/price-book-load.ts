import { rootAccess } from "#shared/access/caller.ts";
import { LoadAnswer, LoadRequest, loadPrices, longestLoadBody } from "#shared/prices/price-load.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/admin/price-book",
  summary: "Load rows into the next release of the platform's prices; a dry run unless asked otherwise",
  access: rootAccess(),
  uses: ["documents"],
  body: LoadRequest,
  bodyBytes: longestLoadBody,
  memory: "512MiB",
  response: LoadAnswer,
  audit: { action: "price_book.released", operation: "CREATE", resourceType: "price_release" },
  steps: ({ body }, effects, given) => loadPrices({ request: body }, effects, given),
});
