import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { EnableProvider, EnableQuery, enableProvider, ProviderEnabled } from "#shared/saas-plans/provider-switch.ts";
import { schedulesWhenPlanned } from "#shared/schedules/default-schedules.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/subscriptions/{org}/providers/{provider}/enable",
  summary: "Use a provider; its known plans are put in without seats",
  access: orgAccess("subscriptions:write"),
  uses: ["documents"],
  query: EnableQuery,
  body: EnableProvider,
  response: ProviderEnabled,
  errors: ["SAAS_PROVIDER_NOT_FOUND", "USE_INTEGRATION"],
  audit: { action: "saas_provider.enabled", operation: "UPDATE", resourceType: "saas_provider" },
  steps: ({ org, caller, params, body, query }, effects, given) =>
    enableProvider(
      {
        org,
        caller,
        provider: params.provider,
        request: body,
        force: query.force ?? false,
        whenPlanned: schedulesWhenPlanned,
      },
      effects,
      given,
    ),
});
