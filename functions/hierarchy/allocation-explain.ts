import { orgAccess } from "#shared/access/caller.ts";
import { Explanation } from "#shared/hierarchy/allocation-read.ts";
import { ExplainRowRequest, explainRow } from "#shared/rollup/explain-row.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/hierarchy/{org}/allocation/explain",
  summary: "Every step that a row is put through: one with these attributes, or a published one",
  access: orgAccess("hierarchy:read"),
  uses: ["documents", "warehouse"],
  body: ExplainRowRequest,
  response: Explanation,
  errors: ["ROW_NOT_FOUND", "INVALID_DATE", "READ_BUSY", "WAREHOUSE_UNAVAILABLE"],
  subscription: "readable",
  memory: "1GiB",
  timeoutSeconds: 60,
  concurrency: 8,
  handle: ({ org, body }, given) => explainRow({ org, request: body }, given),
});
