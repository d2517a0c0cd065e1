import { orgAccess } from "#shared/access/caller.ts";
import { DissentList, DissentQuery, dissent } from "#shared/prices/dissent-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/genai/{org}/pricing/dissent",
  summary: "What speaks against prices in force, the largest difference first",
  access: orgAccess("pricing:read"),
  uses: ["documents", "warehouse"],
  query: DissentQuery,
  response: DissentList,
  errors: ["UNKNOWN_PROVIDER"],
  memory: "1GiB",
  handle: ({ org, query }, given) => dissent({ org, query }, given),
});
