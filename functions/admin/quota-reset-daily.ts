import { rootAccess } from "#shared/access/caller.ts";
import { keepQuotas, UpkeepReport } from "#shared/quotas/upkeep.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/quota/reset-daily",
  aliases: ["/api/v1/admin/quota/reset-daily", "/api/v1/scheduler/reset-daily-quotas"],
  summary: "For older schedulers: makes a due turn of the day durable; lowers nothing that is current",
  access: rootAccess(),
  uses: ["documents"],
  response: UpkeepReport,
  timeoutSeconds: 300,
  audit: {
    action: "quota.reset_requested",
    operation: "EXECUTE",
    resourceType: "quota",
    resourceId: () => "reset-daily",
  },
  steps: (_request, effects, given) => keepQuotas(effects, given),
});
