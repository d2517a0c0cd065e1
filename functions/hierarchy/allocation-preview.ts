import { orgAccess } from "#shared/access/caller.ts";
import { rangeReadErrors } from "#shared/costs/cost-query.ts";
import { Preview, PreviewRequest, previewAllocation } from "#shared/rollup/preview.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/hierarchy/{org}/allocation/preview",
  summary: "What other rules would make of published cost; writes nothing",
  access: orgAccess("hierarchy:read", { also: "costs:read" }),
  uses: ["documents", "warehouse"],
  body: PreviewRequest,
  response: Preview,
  errors: [...rangeReadErrors, "HIERARCHY_ENTITY_UNKNOWN", "ALLOCATION_RULE_NOT_FOUND"],
  perMinute: 60,
  memory: "1GiB",
  timeoutSeconds: 60,
  concurrency: 8,
  subscription: "readable",
  handle: ({ org, body }, given) => previewAllocation({ org, request: body }, given),
});
