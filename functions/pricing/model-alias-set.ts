import { orgAccess } from "#shared/access/caller.ts";
import { ModelAliasRequest, ModelAliasRow, setAlias } from "#shared/prices/model-aliases.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "PUT",
  path: "/api/v1/genai/{org}/model-aliases",
  summary: "Say which model of the price book a name of usage means",
  access: orgAccess("pricing:write"),
  uses: ["documents"],
  body: ModelAliasRequest,
  response: ModelAliasRow,
  errors: ["UNKNOWN_PROVIDER", "PRICE_NOT_FOUND", "VERSION_CONFLICT"],
  audit: { action: "model_alias.set", operation: "UPDATE", resourceType: "model_alias" },
  steps: ({ org, caller, body }, effects, given) => setAlias({ org, caller, request: body }, effects, given),
});
