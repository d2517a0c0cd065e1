import { Type } from "@sinclair/typebox";
import { orgAccess } from "#shared/access/caller.ts";
import { RemovalAnswer, removeIntegration } from "#shared/integrations/remove.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";
import { schedulesWhenRemoved } from "#shared/schedules/default-schedules.ts";

export default httpFunction({
  method: "DELETE",
  path: "/api/v1/integrations/{org}/{provider}",
  summary: "Disconnect a provider: its sealed credentials are destroyed, its published history stays",
  access: orgAccess("integrations:write"),
  uses: ["documents"],
  query: strictObject({ credential_name: Type.Optional(plainText(1, 200)) }),
  response: RemovalAnswer,
  errors: ["UNKNOWN_PROVIDER", "INTEGRATION_NOT_FOUND"],
  perMinute: 10,
  subscription: "any",
  audit: {
    action: "integration.deleted",
    operation: "DELETE",
    resourceType: "integration",
    resourceId: ({ params }) => params.provider,
  },
  change: ({ org, params, query }, change) =>
    removeIntegration(
      {
        org,
        provider: params.provider,
        credentialName: query.credential_name,
        whenRemoved: schedulesWhenRemoved,
      },
      change,
    ),
});
