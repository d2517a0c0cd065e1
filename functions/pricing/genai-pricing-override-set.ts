import { Type } from "@sinclair/typebox";
import { orgAccess } from "#shared/access/caller.ts";
import { OverrideRequest } from "#shared/prices/price-fields.ts";
import { OverriddenPrice, setOverride } from "#shared/prices/price-overrides.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";

export default httpFunction({
  method: "PUT",
  path: "/api/v1/genai/{org}/pricing/{flow}/{identifier}/override",
  summary: "Lay rates or a discount over the price in force, from a day on",
  access: orgAccess("pricing:write", { root: true }),
  uses: ["documents"],
  query: strictObject({ provider: Type.Optional(plainText(1, 50)) }),
  body: OverrideRequest,
  response: OverriddenPrice,
  errors: ["UNKNOWN_PROVIDER", "PRICE_NOT_FOUND", "PROVIDER_REQUIRED", "VERSION_CONFLICT"],
  audit: { action: "price.override_set", operation: "UPDATE", resourceType: "price" },
  steps: ({ org, caller, params, query, body }, effects, given) =>
    setOverride(
      { org, caller, flow: params.flow, identifier: params.identifier, provider: query.provider, request: body },
      effects,
      given,
    ),
});
