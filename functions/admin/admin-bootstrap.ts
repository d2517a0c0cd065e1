import { rootAccess } from "#shared/access/caller.ts";
import { bootstrap } from "#shared/bootstrap/bootstrap.ts";
import { BootstrapReport, BootstrapRequest } from "#shared/bootstrap/bootstrap-report.ts";
import { historyRestorer } from "#shared/history/restore-history.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/admin/bootstrap",
  summary: "Make the operator's dataset, its tables and views; a second call makes nothing",
  access: rootAccess(),
  uses: ["documents", "warehouse"],
  body: BootstrapRequest,
  response: BootstrapReport,
  errors: ["BOOTSTRAP_IN_PROGRESS", "BOOTSTRAP_INCOMPLETE", "DATASET_NOT_OURS", "DEVELOPMENT_ONLY"],
  perMinute: 10,
  timeoutSeconds: 300,
  audit: { action: "platform.bootstrapped", operation: "EXECUTE", resourceType: "platform" },
  steps: ({ body }, effects, given) =>
    bootstrap(
      {
        commit: effects.commit,
        conclude: async (change, report) => {
          await effects.prepare(change);
          effects.conclude(change, report);
        },
        restorer: historyRestorer(given),
      },
      given,
      body,
    ),
});
