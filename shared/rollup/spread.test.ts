import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { goldenOrg } from "#shared/costs/publication.fixture.ts";
import { testRule } from "#shared/hierarchy/allocation.fixture.ts";
import type { AllocationRule, RuleAction } from "#shared/hierarchy/allocation-rule.ts";
import { parseAmount, sumAmounts } from "#shared/money/amount.ts";
import { costByHierarchy } from "./by-hierarchy.ts";
import { publishScenario, type Scenario, startScenario } from "./scenario.fixture.ts";

let scenario: Scenario;
beforeEach(async () => {
  scenario = await startScenario();
  const charge = { day: "2026-03-02", category: "cloud", service: "Usage" };
  const direct = (team: string, billed: string) => ({
    ...{ ...charge, provider: "openai", billed },
    columns: { Tags: { team } },
  });
  await publishScenario(scenario, [
    direct("TEAM-ML", "30"),
    direct("PROJ-IT", "10"),
    { ...charge, provider: "gcp", billed: "400" },
    { ...charge, provider: "aws", billed: "80" },
    { ...charge, provider: "azure", billed: "8" },
  ]);
});
afterEach(() => scenario.stores.close());

const spread: RuleAction = { type: "spread", over: ["DEPT-ENG", "DEPT-OPS"], weight: "direct_cost", period: "month" };
const providers = ["gcp", "aws", "azure"];

/** One spread rule per provider, in this order. */
const inOrder = (order: readonly string[], actions: Record<string, RuleAction> = {}): AllocationRule[] =>
  order.map((provider, at) =>
    testRule(`S-${provider}`, actions[provider] ?? spread, {
      priority: (at + 1) * 10,
      match: { providers: [provider] },
    }),
  );

async function reached(rules: readonly AllocationRule[]): Promise<Record<string, string>> {
  await scenario.setRules(rules);
  const query = { start_date: "2026-03-01", end_date: "2026-03-09", level: 1 };
  const { groups, total_cost } = await costByHierarchy({ org: goldenOrg, query }, scenario.ports);
  const sum = sumAmounts(groups.map((group) => parseAmount(group.total_cost)));
  expect([sum.toFixed(2), total_cost]).toEqual(["528.00", "528.00"]);
  return Object.fromEntries(groups.map((group) => [group.entity_id, group.total_cost]));
}

const orders = providers.flatMap((first) =>
  providers
    .filter((second) => second !== first)
    .map((second) => [first, second, ...providers.filter((third) => third !== first && third !== second)]),
);

// hierarchy.md 2.3; shown done when 11
describe("spread cost never weighs for other spread cost", () => {
  it.each(orders)("%s, %s, %s: every bill goes by the direct cost of 30 to 10 alone", async (...order) => {
    expect(await reached(inOrder(order))).toEqual({ "DEPT-ENG": "396.00", "DEPT-OPS": "132.00", UNALLOCATED: "0.00" });
  });

  it("also where one of them reaches only one of the others' targets", async () => {
    // Would the 400 count as direct cost of DEPT-OPS, the others would go to it nearly whole.
    const even: RuleAction = { type: "spread", over: ["DEPT-OPS", "PROJ-CHAT"], weight: "even", period: "day" };
    const answers = [];
    for (const order of orders) answers.push(await reached(inOrder(order, { gcp: even })));

    const expected = { "DEPT-ENG": "296.00", "DEPT-OPS": "232.00", UNALLOCATED: "0.00" };
    expect(answers).toEqual(orders.map(() => expected));
  });
});
