import { orgAccess } from "#shared/access/caller.ts";
import { RepriceAnswer } from "#shared/reprices/reprice.ts";
import { readReprice } from "#shared/reprices/reprice-store.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/genai/{org}/reprice/{preview_id}",
  summary: "A repricing as it was previewed, and the run that applied it",
  access: orgAccess("pricing:read", { root: true }),
  uses: ["documents"],
  response: RepriceAnswer,
  errors: ["PREVIEW_NOT_FOUND"],
  handle: ({ org, params }, given) => readReprice({ org, repriceId: params.preview_id }, given),
});
