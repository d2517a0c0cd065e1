import { Type } from "@sinclair/typebox";
import { orgAccess } from "#shared/access/caller.ts";
import { SetupAnswer } from "#shared/integrations/setup-answer.ts";
import { validateIntegration } from "#shared/integrations/validate.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";
import { schedulesWhenUsable } from "#shared/schedules/default-schedules.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/integrations/{org}/{provider}/validate",
  summary: "Ask the provider again about a stored credential",
  access: orgAccess("integrations:write"),
  uses: ["documents", "keys"],
  body: strictObject({ credential_name: Type.Optional(plainText(1, 200)) }),
  response: SetupAnswer,
  errors: [
    "UNKNOWN_PROVIDER",
    "INTEGRATION_NOT_FOUND",
    "CREDENTIAL_AMBIGUOUS",
    "SUBSCRIPTION_INACTIVE",
    "VERSION_CONFLICT",
    "PROVIDER_UNAVAILABLE",
  ],
  perMinute: 10,
  audit: { action: "integration.validated", operation: "EXECUTE", resourceType: "integration" },
  steps: ({ org, params, body }, effects, given) =>
    validateIntegration(
      { org, provider: params.provider, credentialName: body.credential_name, whenUsable: schedulesWhenUsable },
      effects,
      given,
    ),
});
