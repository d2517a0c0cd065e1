import type { OrgIdentity } from "#shared/access/caller.ts";
import { platformFacts } from "#shared/costs/platform-facts.ts";
import { type CostPorts, openRead } from "#shared/costs/read-summary.ts";
import { withScope } from "#shared/entity-references/allocation-input.ts";
import type { AllocationRule, RuleUpdate } from "#shared/hierarchy/allocation-rule.ts";
import { isRuleId, rulePath } from "#shared/hierarchy/allocation-store.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { groupsBy } from "./entity-sums.ts";

const lastDays = 90;

/**
 * Whether there were published rows in the last 90 days and none that the rule, as it would be, looks at. Where costs
 * cannot be read right now nothing is said: it is a warning, and no reason to refuse a rule.
 */
export async function neverMatches(
  { org, ruleId, request }: { org: OrgIdentity; ruleId?: string; request: RuleUpdate },
  ports: CostPorts,
): Promise<boolean> {
  try {
    const stored = ruleId === undefined || !isRuleId(ruleId) ? undefined : await ruleAt(org, ruleId, ports);
    const read = await openRead({ org, query: { days: lastDays }, byEntity: true }, ports, await platformFacts());
    if (read.allocation === undefined) return false;
    const scope = {
      match: request.match ?? stored?.match ?? {},
      effectiveFrom: given(request.effective_from, stored?.effectiveFrom),
      effectiveTo: given(request.effective_to, stored?.effectiveTo),
    };
    const groups = await groupsBy({ ...read, allocation: withScope(read.allocation, scope) }, ports, ["mark"]);
    return groups.length > 0 && groups.every(({ key }) => key.mark === "false");
  } catch (error) {
    if (isAppError(error, "WAREHOUSE_UNAVAILABLE") || isAppError(error, "READ_BUSY")) return false;
    throw error;
  }
}

async function ruleAt(org: OrgIdentity, ruleId: string, { documents }: CostPorts): Promise<AllocationRule | undefined> {
  return (await documents.get<AllocationRule>(rulePath(org, ruleId))).body;
}

function given(asked: string | null | undefined, stored: string | null | undefined): string | null {
  return asked === undefined ? (stored ?? null) : asked;
}
