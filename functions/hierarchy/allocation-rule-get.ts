import { orgAccess } from "#shared/access/caller.ts";
import { ruleNamed } from "#shared/hierarchy/allocation-changes.ts";
import { RuleAnswer } from "#shared/hierarchy/allocation-rule.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/hierarchy/{org}/allocation/rules/{rule_id}",
  summary: "One allocation rule",
  access: orgAccess("hierarchy:read"),
  uses: ["documents"],
  response: RuleAnswer,
  errors: ["ALLOCATION_RULE_NOT_FOUND"],
  handle: ({ org, params }, { documents }) => ruleNamed(org, params.rule_id, documents),
});
