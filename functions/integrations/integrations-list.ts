import { orgAccess } from "#shared/access/caller.ts";
import { IntegrationList, integrationsOf } from "#shared/integrations/status.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/integrations/{org}",
  summary: "The state of every provider",
  access: orgAccess("integrations:read"),
  uses: ["documents"],
  response: IntegrationList,
  handle: ({ org }, { documents }) => integrationsOf(org, documents),
});
