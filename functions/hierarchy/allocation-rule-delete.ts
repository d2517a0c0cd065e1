import { Type } from "@sinclair/typebox";
import { orgAccess } from "#shared/access/caller.ts";
import { deleteRule } from "#shared/hierarchy/allocation-changes.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "DELETE",
  path: "/api/v1/hierarchy/{org}/allocation/rules/{rule_id}",
  summary: "Remove an allocation rule; the journal keeps it",
  access: orgAccess("hierarchy:write"),
  uses: ["documents"],
  response: Type.Null(),
  statuses: [204],
  errors: ["ALLOCATION_RULE_NOT_FOUND"],
  audit: { action: "allocation_rule.deleted", operation: "DELETE", resourceType: "allocation_rule" },
  steps: ({ org, caller, params }, effects, given) =>
    deleteRule({ org, caller, ruleId: params.rule_id }, effects, given),
});
