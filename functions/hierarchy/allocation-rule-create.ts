import { orgAccess } from "#shared/access/caller.ts";
import { createRule, RuleCreated } from "#shared/hierarchy/allocation-changes.ts";
import { RuleRequest } from "#shared/hierarchy/allocation-rule.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/hierarchy/{org}/allocation/rules",
  summary: "Add an allocation rule",
  access: orgAccess("hierarchy:write"),
  uses: ["documents"],
  body: RuleRequest,
  response: RuleCreated,
  statuses: [201],
  errors: ["HIERARCHY_ENTITY_UNKNOWN", "LIMIT_REACHED"],
  audit: { action: "allocation_rule.created", operation: "CREATE", resourceType: "allocation_rule" },
  steps: ({ org, caller, body }, effects, given) => createRule({ org, caller, request: body }, effects, given),
});
