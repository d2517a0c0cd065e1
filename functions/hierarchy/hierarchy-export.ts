import { orgAccess } from "#shared/access/caller.ts";
import { ExportAnswer, ExportQuery, exportHierarchy } from "#shared/hierarchy/import.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/hierarchy/{org}/export",
  summary: "The active entities as a CSV file, parents first",
  access: orgAccess("hierarchy:read", { root: true }),
  uses: ["documents"],
  query: ExportQuery,
  response: ExportAnswer,
  contentType: "text/csv; charset=utf-8",
  errors: ["VERSION_NOT_FOUND"],
  handle: ({ org, query }, given) => exportHierarchy(org, query, given),
});
