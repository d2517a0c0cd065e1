import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { goldenOrg } from "#shared/costs/publication.fixture.ts";
import { testRule } from "#shared/hierarchy/allocation.fixture.ts";
import { createRule, deleteRule, reorderRules, updateRule } from "#shared/hierarchy/allocation-changes.ts";
import type { RuleRequest, RuleUpdate } from "#shared/hierarchy/allocation-rule.ts";
import { spreadableMetrics } from "#shared/unit-economics/metric-weights.ts";
import { explainRow } from "./explain-row.ts";
import { type PreviewRequest, previewAllocation } from "./preview.ts";
import { type RolledEntity, type Rollup, rollup } from "./rollup.ts";
import { publishScenario, root, type Scenario, startScenario } from "./scenario.fixture.ts";

let scenario: Scenario;
beforeEach(async () => {
  scenario = await startScenario();
  await publishScenario(scenario);
});
afterEach(() => scenario.stores.close());

const march = { start_date: "2026-03-01", end_date: "2026-03-31" };
const on = { org: goldenOrg, caller: root, isUnused: false, metricsOf: spreadableMetrics };

const rolledUp = (): Promise<Rollup> => rollup({ org: goldenOrg, query: march }, scenario.ports);

const previewed = (request: Omit<PreviewRequest, "start_date" | "end_date">) =>
  previewAllocation({ org: goldenOrg, request: { ...march, ...request } }, scenario.ports);

const create = (request: RuleRequest) => createRule({ ...on, request }, scenario.effects(), scenario.ports);
const update = (ruleId: string, request: RuleUpdate) =>
  updateRule({ ...on, ruleId, request }, scenario.effects(), scenario.ports);
const remove = (ruleId: string) => deleteRule({ ...on, ruleId }, scenario.effects<null>(), scenario.ports);

/** What each entity holds itself, nobody's too; those with nothing left out. */
function ownCosts({ roots, unallocated }: Rollup): Record<string, string> {
  const below = (entities: readonly RolledEntity[]): [string, string][] =>
    entities.flatMap(({ entity_id, own_cost, children }) => [[entity_id, own_cost], ...below(children)]);
  return filled([...below(roots), ["UNALLOCATED", unallocated.amount]]);
}

function filled(costs: readonly [string, string][]): Record<string, string> {
  return Object.fromEntries(costs.filter(([, cost]) => cost !== "0.00"));
}

const halves: RuleRequest = {
  ...{ name: "Halves", priority: 5, match: { providers: ["gcp"] } },
  action: {
    type: "split",
    targets: [
      { entity_id: "DEPT-ENG", percent: "33.333333" },
      { entity_id: "proj-it", percent: "50" },
    ],
  },
};
const spread: RuleRequest = {
  name: "Spread",
  ...{ match: { service_names: ["Comp*"] } },
  action: { type: "spread", over_level: "project", weight: "direct_cost", period: "day" },
};
const above: RuleRequest = {
  ...{ name: "Above all", priority: 1, overrides_explicit: true },
  action: { type: "assign", entity_id: "DEPT-OPS" },
};

describe("a preview equals the roll-up once the same rules are saved", () => {
  it.each<[string, Omit<PreviewRequest, "start_date" | "end_date">, () => Promise<unknown>]>([
    ["a split that leaves a rest", { upsert: [halves] }, () => create(halves)],
    ["a spread by direct cost", { upsert: [spread] }, () => create(spread)],
    ["a rule above every row's own entity", { upsert: [above] }, () => create(above)],
    ["a rule less", { remove: ["R1"] }, () => remove("R1")],
    [
      "a rule changed and one gone",
      { upsert: [{ rule_id: "R2", action: { type: "assign", entity_id: "PROJ-IT" } }], remove: ["R3"] },
      async () => {
        await update("R2", { action: { type: "assign", entity_id: "PROJ-IT" } });
        await remove("R3");
      },
    ],
    [
      "no rule at all",
      { rules: [] },
      async () => {
        for (const id of ["R1", "R2", "R3"]) await remove(id);
      },
    ],
  ])("%s", async (_what, request, save) => {
    const before = await rolledUp();

    const preview = await previewed(request);

    expect(await rolledUp()).toEqual(before);
    await save();
    const after = await rolledUp();
    const costs = (name: "before" | "after") =>
      filled(preview.by_entity.map(({ entity_id, ...each }) => [entity_id, each[name]]));
    expect([costs("before"), costs("after")]).toEqual([ownCosts(before), ownCosts(after)]);
    expect(costs("after")).not.toEqual(costs("before"));
    expect([preview.total, after.total]).toEqual([before.total, before.total]);
    expect(preview.unallocated).toEqual({
      before: before.unallocated.amount,
      after: after.unallocated.amount,
      by_reason: { before: before.unallocated.by_reason, after: after.unallocated.by_reason },
    });
  });

  it("is refused with rules of nobody, an unknown entity, and both ways of asking", async () => {
    const unknown = { ...halves, action: { type: "assign" as const, entity_id: "NOBODY" } };

    await expect(previewed({ upsert: [unknown] })).rejects.toMatchObject({ code: "HIERARCHY_ENTITY_UNKNOWN" });
    await expect(previewed({ remove: ["R9"] })).rejects.toMatchObject({ code: "ALLOCATION_RULE_NOT_FOUND" });
    await expect(previewed({ rules: [], remove: ["R1"] })).rejects.toMatchObject({ code: "INVALID_BODY" });
    await expect(previewed({ upsert: [{ priority: 1 }] })).rejects.toMatchObject({ code: "INVALID_BODY" });
  });
});

describe("the order of rules", () => {
  const rule = (id: string, entity_id: string) =>
    testRule(id, { type: "assign", entity_id }, { match: { providers: ["openai"] } });
  const row = { charge_date: "2026-03-02", provider: "openai", credential_id: "c1" };

  /** Who holds the money of the rows, and the rule that explains it. */
  async function way(): Promise<unknown[]> {
    const { steps, entity_id } = await explainRow({ org: goldenOrg, request: row }, scenario.ports);
    const costs = ownCosts(await rolledUp());
    const holder = Object.keys(costs).find((id) => costs[id] === "16.00");
    expect(holder).toBe(entity_id);
    return [holder, steps.find(({ result }) => result === "taken")?.rule_id];
  }

  it("decides ties by id; reordering, deactivation and dates move money and explanation together", async () => {
    await scenario.setRules([rule("B", "TEAM-WEB"), rule("A", "TEAM-ML")]);
    const ways = [await way()];

    await reorderRules({ ...on, request: { rule_ids: ["B", "A"] } }, scenario.effects(), scenario.ports);
    ways.push(await way());
    await update("B", { is_active: false });
    ways.push(await way());
    await update("B", { is_active: true, effective_to: "2026-03-01" });
    ways.push(await way());
    await update("B", { effective_to: "2026-03-02", effective_from: "2026-03-02" });
    ways.push(await way());
    await update("A", { priority: 10 });
    ways.push(await way());
    await remove("A");
    await remove("B");
    ways.push(await way());

    expect(ways).toEqual([
      ["TEAM-ML", "A"],
      ["TEAM-WEB", "B"],
      ["TEAM-ML", "A"],
      ["TEAM-ML", "A"],
      ["TEAM-WEB", "B"],
      ["TEAM-ML", "A"],
      ["PROJ-CHAT", null],
    ]);
  });
});
