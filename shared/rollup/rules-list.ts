import { type Static, Type } from "@sinclair/typebox";
import { type Caller, type OrgIdentity, orgAccess } from "#shared/access/caller.ts";
import { authorize } from "#shared/access/verify.ts";
import { platformFacts } from "#shared/costs/platform-facts.ts";
import { type CostPorts, openRead } from "#shared/costs/read-summary.ts";
import { RuleList } from "#shared/hierarchy/allocation-changes.ts";
import { listRules, RulesQuery } from "#shared/hierarchy/allocation-read.ts";
import { RuleAnswer } from "#shared/hierarchy/allocation-rule.ts";
import { type Decimal, moneyText, zero } from "#shared/money/amount.ts";
import { minorDigits } from "#shared/money/currencies.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { groupsBy } from "./entity-sums.ts";

const days = 30;

export const ListedRulesQuery = strictObject({
  ...RulesQuery.properties,
  with_cost: Type.Boolean({ default: false, description: "With what each rule took in 30 days; needs costs:read" }),
});
export type ListedRulesQuery = Static<typeof ListedRulesQuery>;

export const ListedRules = strictObject({
  ...RuleList.properties,
  rules: Type.Array(
    strictObject({
      ...RuleAnswer.properties,
      matched_cost_30d: Type.Optional(
        Type.String({ description: "Effective cost that the rule took, in the organization's currency" }),
      ),
    }),
  ),
});
export type ListedRules = Static<typeof ListedRules>;

/**
 * Allocation rules in their order, on request each with the effective cost it took in the last 30 days: what earlier
 * steps took is not its own. Throws `FORBIDDEN` without `costs:read`, and as the costs room's reads.
 */
export async function listRulesWithCost(
  { org, caller, query }: { org: OrgIdentity; caller: Caller; query: ListedRulesQuery },
  ports: CostPorts,
): Promise<ListedRules> {
  const { with_cost: isCosted, ...asked } = query;
  const listed = await listRules(org, asked, ports.documents);
  if (!isCosted) return listed;
  authorize(caller, orgAccess("hierarchy:read", { also: "costs:read" }));
  const facts = await platformFacts();
  const read = await openRead({ org, query: { days }, byEntity: true }, ports, facts);
  const costs = new Map<string, Decimal>();
  for (const { key, sums } of await groupsBy(read, ports, ["rule"]))
    costs.set(key.rule, (costs.get(key.rule) ?? zero).plus(sums.effective));
  const digits = minorDigits(facts.minorDigits, read.conversion.currency);
  const rules = listed.rules.map((rule) => ({
    ...rule,
    matched_cost_30d: moneyText(costs.get(rule.rule_id) ?? zero, digits),
  }));
  return { ...listed, rules };
}
