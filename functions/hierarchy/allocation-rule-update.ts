import { orgAccess } from "#shared/access/caller.ts";
import { RuleCreated, updateRule } from "#shared/hierarchy/allocation-changes.ts";
import { RuleUpdate } from "#shared/hierarchy/allocation-rule.ts";
import { neverMatches } from "#shared/rollup/never-matches.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { spreadableMetrics } from "#shared/unit-economics/metric-weights.ts";

export default httpFunction({
  method: "PUT",
  path: "/api/v1/hierarchy/{org}/allocation/rules/{rule_id}",
  summary: "Change an allocation rule, whole or in part",
  access: orgAccess("hierarchy:write"),
  uses: ["documents", "warehouse"],
  body: RuleUpdate,
  response: RuleCreated,
  errors: ["ALLOCATION_RULE_NOT_FOUND", "VERSION_CONFLICT", "HIERARCHY_ENTITY_UNKNOWN"],
  audit: { action: "allocation_rule.updated", operation: "UPDATE", resourceType: "allocation_rule" },
  memory: "1GiB",
  timeoutSeconds: 60,
  concurrency: 8,
  steps: async ({ org, caller, params: { rule_id: ruleId }, body }, effects, given) => {
    const isUnused = await neverMatches({ org, ruleId, request: body }, given);
    return updateRule({ org, caller, ruleId, request: body, isUnused, metricsOf: spreadableMetrics }, effects, given);
  },
});
