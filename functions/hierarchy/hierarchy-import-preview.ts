import { orgAccess } from "#shared/access/caller.ts";
import { referenceKinds } from "#shared/entity-references/reference-kinds.ts";
import { ImportPreview, importBodyBytes, PreviewRequest, previewImport } from "#shared/hierarchy/import.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/hierarchy/{org}/import/preview",
  summary: "What an import of a CSV file would change; writes nothing",
  access: orgAccess("hierarchy:write", { root: true }),
  uses: ["documents"],
  body: PreviewRequest,
  bodyBytes: importBodyBytes,
  response: ImportPreview,
  subscription: "readable",
  errors: ["IMPORT_TOO_LARGE"],
  handle: ({ org, body }, given) => previewImport({ org, request: body, kinds: referenceKinds }, given),
});
