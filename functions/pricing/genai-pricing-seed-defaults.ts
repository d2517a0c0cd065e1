import { Type } from "@sinclair/typebox";
import { orgAccess } from "#shared/access/caller.ts";
import { SeedAnswer, SeedRequest, seedDefaults } from "#shared/prices/book-policy.ts";
import { flows } from "#shared/prices/price.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/genai/{org}/pricing/seed-defaults",
  summary: "Move the organization to the newest release of the platform's prices; twice changes nothing",
  access: orgAccess("pricing:write", { root: true }),
  uses: ["documents"],
  query: strictObject({ flow: Type.Optional(choice(flows)) }),
  body: SeedRequest,
  response: SeedAnswer,
  errors: ["VERSION_CONFLICT"],
  audit: { action: "price.release_moved", operation: "UPDATE", resourceType: "price_book" },
  steps: ({ org, caller, query, body }, effects, given) =>
    seedDefaults({ org, caller, flow: body.flow ?? query.flow }, effects, given),
});
