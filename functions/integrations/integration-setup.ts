import { orgAccess } from "#shared/access/caller.ts";
import { SetupRequest, setUpIntegration } from "#shared/integrations/setup.ts";
import { SetupAnswer } from "#shared/integrations/setup-answer.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { schedulesWhenUsable } from "#shared/schedules/default-schedules.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/integrations/{org}/{provider}/setup",
  summary: "Connect a provider: its credential is checked with the provider, then sealed",
  access: orgAccess("integrations:write"),
  uses: ["documents", "keys"],
  body: SetupRequest,
  response: SetupAnswer,
  errors: [
    "UNKNOWN_PROVIDER",
    "CREDENTIAL_MALFORMED",
    "CREDENTIAL_TOO_LARGE",
    "CREDENTIAL_TYPE_NOT_SUPPORTED",
    "CREDENTIAL_REJECTED",
    "METADATA_INVALID",
    "METADATA_TOO_LARGE",
    "HIERARCHY_ENTITY_UNKNOWN",
    "SUBSCRIPTION_INACTIVE",
    "PLAN_LIMIT_REACHED",
    "TOO_MANY_CREDENTIALS",
    "VERSION_CONFLICT",
    "ACCOUNT_ALREADY_CONNECTED",
    "PROVIDER_UNAVAILABLE",
  ],
  perMinute: 10,
  audit: { action: "integration.created", operation: "CREATE", resourceType: "integration" },
  steps: ({ org, params, body }, effects, given) =>
    setUpIntegration(
      { org, provider: params.provider, request: body, whenUsable: schedulesWhenUsable },
      effects,
      given,
    ),
});
