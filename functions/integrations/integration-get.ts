import { orgAccess } from "#shared/access/caller.ts";
import { IntegrationStatus, integrationOf } from "#shared/integrations/status.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/integrations/{org}/{provider}",
  summary: "The state of one provider's credentials",
  access: orgAccess("integrations:read"),
  uses: ["documents"],
  response: IntegrationStatus,
  errors: ["UNKNOWN_PROVIDER"],
  handle: ({ org, params }, { documents }) => integrationOf(org, params.provider, documents),
});
