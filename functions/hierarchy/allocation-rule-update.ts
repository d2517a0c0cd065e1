import { orgAccess } from "#shared/access/caller.ts";
import { RuleCreated, updateRule } from "#shared/hierarchy/allocation-changes.ts";
import { RuleUpdate } from "#shared/hierarchy/allocation-rule.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "PUT",
  path: "/api/v1/hierarchy/{org}/allocation/rules/{rule_id}",
  summary: "Change an allocation rule, whole or in part",
  access: orgAccess("hierarchy:write"),
  uses: ["documents"],
  body: RuleUpdate,
  response: RuleCreated,
  errors: ["ALLOCATION_RULE_NOT_FOUND", "VERSION_CONFLICT", "HIERARCHY_ENTITY_UNKNOWN"],
  audit: { action: "allocation_rule.updated", operation: "UPDATE", resourceType: "allocation_rule" },
  steps: ({ org, caller, params, body }, effects, given) =>
    updateRule({ org, caller, ruleId: params.rule_id, request: body }, effects, given),
});
