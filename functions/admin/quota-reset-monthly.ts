import { rootAccess } from "#shared/access/caller.ts";
import { keepQuotas, UpkeepReport } from "#shared/quotas/upkeep.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/quota/reset-monthly",
  aliases: ["/api/v1/admin/quota/reset-monthly", "/api/v1/scheduler/reset-monthly-quotas"],
  summary: "For older schedulers: makes a due turn of the month durable; lowers nothing that is current",
  access: rootAccess(),
  uses: ["documents"],
  response: UpkeepReport,
  timeoutSeconds: 300,
  audit: {
    action: "quota.reset_requested",
    operation: "EXECUTE",
    resourceType: "quota",
    resourceId: () => "reset-monthly",
  },
  steps: (_request, effects, given) => keepQuotas(effects, given),
});
