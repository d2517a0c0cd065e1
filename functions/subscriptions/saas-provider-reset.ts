import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { ProviderEnabled, resetProvider } from "#shared/saas-plans/provider-switch.ts";
import { schedulesWhenPlanned } from "#shared/schedules/default-schedules.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/subscriptions/{org}/providers/{provider}/reset",
  summary: "End all plans of a provider and put its known plans in anew",
  access: orgAccess("subscriptions:write"),
  uses: ["documents"],
  response: ProviderEnabled,
  errors: ["SAAS_PROVIDER_NOT_FOUND", "USE_INTEGRATION"],
  audit: { action: "saas_provider.reset", operation: "UPDATE", resourceType: "saas_provider" },
  steps: ({ org, caller, params }, effects, given) =>
    resetProvider({ org, caller, provider: params.provider, whenPlanned: schedulesWhenPlanned }, effects, given),
});
