import { orgAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { AvailablePlans, availablePlans } from "#shared/saas-plans/plans-read.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/subscriptions/{org}/providers/{provider}/available-plans",
  summary: "Plans of a provider that are known with their price",
  access: orgAccess("subscriptions:read"),
  uses: [],
  response: AvailablePlans,
  errors: ["SAAS_PROVIDER_NOT_FOUND"],
  handle: ({ params }) => availablePlans(params.provider),
});
