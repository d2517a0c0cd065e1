import { rootAccess } from "#shared/access/caller.ts";
import { keepQuotas, UpkeepReport } from "#shared/quotas/upkeep.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/scheduler/reset-concurrent-counter/{org}",
  summary: "For older schedulers: removes an organization's slots whose time is over; ends none that lives",
  access: rootAccess(),
  uses: ["documents"],
  response: UpkeepReport,
  errors: ["ORG_NOT_FOUND"],
  audit: {
    action: "quota.reset_requested",
    operation: "EXECUTE",
    resourceType: "quota",
    resourceId: ({ params }) => params.org,
  },
  steps: ({ params }, effects, given) => keepQuotas(effects, given, params.org),
});
