import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { listProviders, ProviderList } from "#shared/saas-plans/plans-read.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/subscriptions/{org}/providers",
  summary: "Providers of SaaS plans, and which of them are used",
  access: orgAccess("subscriptions:read"),
  uses: ["documents"],
  response: ProviderList,
  handle: ({ org }, given) => listProviders(org, given),
});
