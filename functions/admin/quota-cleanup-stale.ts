import { rootAccess } from "#shared/access/caller.ts";
import { keepQuotas, UpkeepReport } from "#shared/quotas/upkeep.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/quota/cleanup-stale",
  aliases: ["/api/v1/admin/quota/cleanup-stale", "/api/v1/scheduler/reset-stale-concurrent"],
  summary: "For older schedulers: removes slots whose time is over; ends none that lives",
  access: rootAccess(),
  uses: ["documents"],
  response: UpkeepReport,
  timeoutSeconds: 300,
  audit: {
    action: "quota.reset_requested",
    operation: "EXECUTE",
    resourceType: "quota",
    resourceId: () => "cleanup-stale",
  },
  steps: (_request, effects, given) => keepQuotas(effects, given),
});
