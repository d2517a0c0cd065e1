import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { DisableProvider, disableProvider, ProviderDisabled } from "#shared/saas-plans/provider-switch.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/subscriptions/{org}/providers/{provider}/disable",
  summary: "End all plans of a provider and switch it off",
  access: orgAccess("subscriptions:write"),
  uses: ["documents"],
  body: DisableProvider,
  response: ProviderDisabled,
  errors: ["SAAS_PROVIDER_NOT_FOUND"],
  audit: { action: "saas_provider.disabled", operation: "UPDATE", resourceType: "saas_provider" },
  steps: ({ org, caller, params, body }, effects, given) =>
    disableProvider({ org, caller, provider: params.provider, request: body }, effects, given),
});
