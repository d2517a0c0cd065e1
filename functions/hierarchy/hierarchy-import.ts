import { orgAccess } from "#shared/access/caller.ts";
import { referenceKinds } from "#shared/entity-references/reference-kinds.ts";
import { ImportAnswer, ImportRequest, importBodyBytes, importHierarchy } from "#shared/hierarchy/import.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/hierarchy/{org}/import",
  summary: "Make the structure what a CSV file says, all of it or nothing",
  access: orgAccess("hierarchy:write", { root: true }),
  uses: ["documents"],
  body: ImportRequest,
  bodyBytes: importBodyBytes,
  response: ImportAnswer,
  errors: [
    "IMPORT_TOO_LARGE",
    "IMPORT_WOULD_DELETE_ALL",
    "HIERARCHY_IMPORT_INVALID",
    "VERSION_CONFLICT",
    "LIMIT_REACHED",
  ],
  audit: { action: "hierarchy.imported", operation: "UPDATE", resourceType: "hierarchy" },
  timeoutSeconds: 120,
  steps: ({ org, caller, body }, effects, given) =>
    importHierarchy({ org, caller, request: body, kinds: referenceKinds }, effects, given),
});
