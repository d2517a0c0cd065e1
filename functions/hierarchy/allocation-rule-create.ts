import { orgAccess } from "#shared/access/caller.ts";
import { createRule, RuleCreated } from "#shared/hierarchy/allocation-changes.ts";
import { RuleRequest } from "#shared/hierarchy/allocation-rule.ts";
import { neverMatches } from "#shared/rollup/never-matches.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";
import { spreadableMetrics } from "#shared/unit-economics/metric-weights.ts";

export default httpFunction({
  method: "POST",
  path: "/api/v1/hierarchy/{org}/allocation/rules",
  summary: "Add an allocation rule",
  access: orgAccess("hierarchy:write"),
  uses: ["documents", "warehouse"],
  body: RuleRequest,
  response: RuleCreated,
  statuses: [201],
  errors: ["HIERARCHY_ENTITY_UNKNOWN", "LIMIT_REACHED"],
  audit: { action: "allocation_rule.created", operation: "CREATE", resourceType: "allocation_rule" },
  memory: "1GiB",
  timeoutSeconds: 60,
  concurrency: 8,
  steps: async ({ org, caller, body }, effects, given) => {
    const isUnused = await neverMatches({ org, request: body }, given);
    return createRule({ org, caller, request: body, isUnused, metricsOf: spreadableMetrics }, effects, given);
  },
});
