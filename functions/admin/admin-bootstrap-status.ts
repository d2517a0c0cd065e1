import { rootAccess } from "#shared/access/caller.ts";
import { BootstrapStatus, BootstrapStatusQuery, bootstrapStatus } from "#shared/bootstrap/bootstrap-status.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/admin/bootstrap/status",
  summary: "How the operator's dataset stands against the configuration",
  access: rootAccess(),
  uses: ["documents", "warehouse"],
  query: BootstrapStatusQuery,
  response: BootstrapStatus,
  timeoutSeconds: 120,
  handle: ({ query }, given) => bootstrapStatus(query, given),
});
