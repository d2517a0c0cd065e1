import { orgAccess } from "#shared/access/caller.ts";
import { ReorderRequest, RuleList, reorderRules } from "#shared/hierarchy/allocation-changes.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/hierarchy/{org}/allocation/rules/reorder",
  summary: "Put all allocation rules in an order",
  access: orgAccess("hierarchy:write"),
  uses: ["documents"],
  body: ReorderRequest,
  response: RuleList,
  audit: { action: "allocation_rules.reordered", operation: "UPDATE", resourceType: "allocation_rule" },
  steps: ({ org, caller, body }, effects, given) => reorderRules({ org, caller, request: body }, effects, given),
});
