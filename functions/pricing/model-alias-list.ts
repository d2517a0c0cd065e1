import { Type } from "@sinclair/typebox";
import { orgAccess } from "#shared/access/caller.ts";
import { listAliases, ModelAliasList } from "#shared/prices/model-aliases.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { plainText, strictObject } from "#shared/runtime/schema.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/genai/{org}/model-aliases",
  summary: "Names of models as the organization uses them",
  access: orgAccess("pricing:read"),
  uses: ["documents"],
  query: strictObject({ provider: Type.Optional(plainText(1, 50)) }),
  response: ModelAliasList,
  errors: ["UNKNOWN_PROVIDER"],
  handle: ({ org, query }, given) => listAliases({ org, provider: query.provider }, given),
});
