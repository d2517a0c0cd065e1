import { Type } from "@sinclair/typebox";
import { orgAccess } from "#shared/access/caller.ts";
import { BulkAnswer, BulkRequest, updatePrices } from "#shared/prices/provider-prices.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { strictObject } from "#shared/runtime/schema.ts";

export default httpFunction({
  method: "PATCH",
  path: "/api/v1/integrations/{org}/{provider}/pricing",
  summary: "New versions of up to 500 models: all or none, or with partial=true those that are valid",
  access: orgAccess("pricing:write"),
  uses: ["documents"],
  query: strictObject({ partial: Type.Boolean({ default: false }) }),
  body: BulkRequest,
  response: BulkAnswer,
  errors: ["UNKNOWN_PROVIDER", "VERSION_CONFLICT"],
  audit: { action: "price.bulk_updated", operation: "UPDATE", resourceType: "price" },
  steps: ({ org, caller, params, body, query }, effects, given) =>
    updatePrices({ org, caller, provider: params.provider, request: body, isPartial: query.partial }, effects, given),
});
