import { rootAccess } from "#shared/access/caller.ts";
import { SyncAnswer, SyncRequest, syncProcedures } from "#shared/pipelines/procedures.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/procedures/sync",
  summary: "Take over the shipped pipeline configurations that are new or have changed",
  access: rootAccess(),
  uses: ["documents", "topics"],
  body: SyncRequest,
  response: SyncAnswer,
  perMinute: 10,
  audit: { action: "pipeline_configs.synced", operation: "UPDATE", resourceType: "pipeline_configs" },
  steps: ({ body }, effects) => syncProcedures(body, effects),
});
