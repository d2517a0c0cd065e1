import { Type } from "@sinclair/typebox";
import { publicAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/openapi.json",
  summary: "This API as an OpenAPI 3.1 document",
  access: publicAccess(),
  uses: ["catalogue"],
  response: Type.Record(Type.String(), Type.Unknown()),
  handle: (_request, { catalogue }) => catalogue.openapi(),
});
