import { rootAccess } from "#shared/access/caller.ts";
import { BootstrapReport, BootstrapRequest, bootstrap } from "#shared/bootstrap/bootstrap.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/admin/bootstrap",
  summary: "Make the operator's dataset and its tables; a second call makes nothing",
  access: rootAccess(),
  uses: ["documents", "warehouse"],
  body: BootstrapRequest,
  response: BootstrapReport,
  errors: ["BOOTSTRAP_IN_PROGRESS", "BOOTSTRAP_INCOMPLETE"],
  perMinute: 10,
  timeoutSeconds: 300,
  audit: { action: "platform.bootstrapped", operation: "EXECUTE", resourceType: "platform" },
  steps: (_request, effects, given) =>
    bootstrap(
      {
        commit: effects.commit,
        conclude: async (change, report) => {
          await effects.prepare(change);
          effects.conclude(change, report);
        },
      },
      given,
    ),
});
