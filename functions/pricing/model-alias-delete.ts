import { Type } from "@sinclair/typebox";
import { orgAccess } from "#shared/access/caller.ts";
import { ModelAliasQuery, removeAlias } from "#shared/prices/model-aliases.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "DELETE",
  path: "/api/v1/genai/{org}/model-aliases",
  summary: "Remove an alias of a model; also when there is none",
  access: orgAccess("pricing:write"),
  uses: ["documents"],
  query: ModelAliasQuery,
  response: Type.Null(),
  statuses: [204],
  errors: ["UNKNOWN_PROVIDER", "VERSION_CONFLICT"],
  audit: { action: "model_alias.deleted", operation: "DELETE", resourceType: "model_alias" },
  steps: ({ org, caller, query }, effects, given) => removeAlias({ org, caller, query }, effects, given),
});
