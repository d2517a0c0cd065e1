import { orgAccess } from "#shared/access/caller.ts";
import { ImportAnswer } from "#shared/imports/import-answer.ts";
import { readImport } from "#shared/imports/imports-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/integrations/{org}/{provider}/imports/{import_id}",
  summary: "One delivered file: what was found in it and what became of it",
  access: orgAccess("integrations:read"),
  uses: ["documents"],
  response: ImportAnswer,
  errors: ["UNKNOWN_PROVIDER", "IMPORT_NOT_FOUND"],
  handle: ({ org, params }, { documents }) =>
    readImport({ org, provider: params.provider, importId: params.import_id }, documents),
});
