import { orgAccess } from "#shared/access/caller.ts";
import { RuleList } from "#shared/hierarchy/allocation-changes.ts";
import { listRules, RulesQuery } from "#shared/hierarchy/allocation-read.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/hierarchy/{org}/allocation/rules",
  summary: "Allocation rules in the order they are tried",
  access: orgAccess("hierarchy:read"),
  uses: ["documents"],
  query: RulesQuery,
  response: RuleList,
  handle: ({ org, query }, { documents }) => listRules(org, query, documents),
});
