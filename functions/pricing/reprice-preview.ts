import { orgAccess } from "#shared/access/caller.ts";
import { previewReprice } from "#shared/reprices/preview.ts";
import { RepricePreview, RepriceRequest } from "#shared/reprices/reprice.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/genai/{org}/reprice/preview",
  summary: "What published usage would cost by other prices; nothing published changes",
  access: orgAccess("pricing:read", { root: true }),
  uses: ["documents", "warehouse"],
  body: RepriceRequest,
  response: RepricePreview,
  statuses: [201],
  errors: ["INVALID_DATE_RANGE", "RANGE_TOO_LONG", "UNKNOWN_PROVIDER", "PRICE_BOOK_VERSION_NOT_FOUND"],
  audit: { action: "price.reprice_previewed", operation: "CREATE", resourceType: "reprice" },
  memory: "2GiB",
  timeoutSeconds: 300,
  concurrency: 2,
  steps: ({ org, caller, body }, effects, given) => previewReprice({ org, caller, request: body }, effects, given),
});
