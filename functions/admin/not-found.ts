import { Type } from "@sinclair/typebox";
import { publicAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { refuseUnmatched } from "#shared/runtime/unmatched.ts";

export default httpFunction({
  method: "GET",
  anyMethod: true,
  path: "/{path=**}",
  summary: "Answers what no other function takes: 404, or 405 where the path takes other methods",
  access: publicAccess(),
  uses: ["catalogue"],
  response: Type.Never(),
  errors: ["NOT_FOUND", "METHOD_NOT_ALLOWED"],
  handle: ({ params }, { catalogue }) => refuseUnmatched(`/${params.path}`, catalogue),
});
