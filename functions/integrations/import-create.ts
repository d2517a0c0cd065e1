import { orgAccess } from "#shared/access/caller.ts";
import { createImport, ImportCreateAnswer, ImportQuery, maximumUploadBytes } from "#shared/imports/import-create.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/integrations/{org}/{provider}/imports",
  summary: "Deliver a FOCUS file (CSV, CSV.gz or Parquet, at most 30 MiB); it is read and published by a run",
  access: orgAccess("integrations:write"),
  uses: ["documents", "topics", "objects"],
  query: ImportQuery,
  fileBody: { maximumBytes: maximumUploadBytes },
  response: ImportCreateAnswer,
  statuses: [202, 200],
  errors: [
    "UNKNOWN_PROVIDER",
    "IMPORT_REJECTED",
    "INTEGRATION_NOT_CONFIGURED",
    "SUBSCRIPTION_INACTIVE",
    "QUOTA_EXCEEDED",
  ],
  memory: "1GiB",
  audit: { action: "import.created", operation: "CREATE", resourceType: "import" },
  steps: (request, effects, given) => createImport({ ...request, provider: request.params.provider }, effects, given),
});
