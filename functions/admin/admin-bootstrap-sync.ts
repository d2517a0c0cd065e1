import { rootAccess } from "#shared/access/caller.ts";
import { BootstrapSyncReport, bootstrapSync } from "#shared/bootstrap/bootstrap-sync.ts";
import { SyncRequest } from "#shared/bootstrap/sync-dataset.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/admin/bootstrap/sync",
  summary: "Add tables, columns and views that the operator's dataset lacks; nothing is dropped or changed",
  access: rootAccess(),
  uses: ["documents", "warehouse"],
  body: SyncRequest,
  response: BootstrapSyncReport,
  errors: ["BOOTSTRAP_IN_PROGRESS", "NOT_BOOTSTRAPPED", "DATASET_NOT_OURS"],
  perMinute: 10,
  timeoutSeconds: 300,
  audit: { action: "platform.synced", operation: "EXECUTE", resourceType: "platform" },
  steps: ({ body }, effects, given) => bootstrapSync(body, effects, given),
});
