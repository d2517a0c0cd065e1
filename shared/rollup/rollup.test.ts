import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Charge, goldenOrg } from "#shared/costs/publication.fixture.ts";
import { readSummary } from "#shared/costs/read-summary.ts";
import { testRule } from "#shared/hierarchy/allocation.fixture.ts";
import type { AllocationRule, RuleAction } from "#shared/hierarchy/allocation-rule.ts";
import type { EntityAnswer } from "#shared/hierarchy/entity.ts";
import { createEntity } from "#shared/hierarchy/entity-create.ts";
import { deleteEntity } from "#shared/hierarchy/entity-delete.ts";
import { moveEntity } from "#shared/hierarchy/entity-update.ts";
import { parseAmount, sumAmounts } from "#shared/money/amount.ts";
import { type RolledEntity, type Rollup, rollup } from "./rollup.ts";
import { publishScenario, root, type Scenario, startScenario } from "./scenario.fixture.ts";

let scenario: Scenario;
beforeEach(async () => {
  scenario = await startScenario();
});
afterEach(() => scenario.stores.close());

const march = { start_date: "2026-03-01", end_date: "2026-03-31" };

function rolledUp(query: Partial<Parameters<typeof rollup>[0]["query"]> = {}): Promise<Rollup> {
  return rollup({ org: goldenOrg, query: { ...march, ...query } }, scenario.ports);
}

function flat(entities: readonly RolledEntity[]): Record<string, [own: string, total: string]> {
  return Object.fromEntries(
    entities.flatMap((entity) => [
      [entity.entity_id, [entity.own_cost, entity.total_cost]],
      ...Object.entries(flat(entity.children)),
    ]),
  );
}

async function moved(entityId: string, parent: string): Promise<void> {
  const asked = { org: goldenOrg, caller: root, entityId, kinds: [], request: { new_parent_id: parent } };
  await moveEntity(asked, scenario.effects(), scenario.ports);
}

describe("the roll-up of hierarchy.md 2.6", () => {
  beforeEach(() => publishScenario(scenario));

  it("shows each entity with all below it; roots and nobody's are the total", async () => {
    const answer = await rolledUp();

    expect(flat(answer.roots)).toEqual({
      "DEPT-ENG": ["8.00", "24.00"],
      "PROJ-CHAT": ["1.00", "16.00"],
      "TEAM-ML": ["10.00", "10.00"],
      "TEAM-WEB": ["5.00", "5.00"],
      "DEPT-OPS": ["1.00", "3.00"],
      "PROJ-IT": ["2.00", "2.00"],
    });
    expect(answer).toMatchObject({ total: "30.00", unallocated: { amount: "3.00", by_reason: { no_rule: "3.00" } } });
    expect(answer.roots[0]?.by_method).toEqual({ spread: "8.00" });
  });

  it("follows a move at once, and shows the former structure on the same money", async () => {
    const before = await rolledUp();
    scenario.setClock("2026-03-11T00:00:00Z");
    await moved("PROJ-CHAT", "DEPT-OPS");

    const after = await rolledUp();
    const former = await rolledUp({ structure_as_of: "2026-03-10" });

    expect(flat(after.roots)).toMatchObject({ "DEPT-ENG": ["0.00", "0.00"], "DEPT-OPS": ["9.00", "27.00"] });
    expect(after).toMatchObject({ total: "30.00", unallocated: { amount: "3.00" } });
    expect(former.roots).toEqual(before.roots);
    expect([former.total, former.unallocated]).toEqual([before.total, before.unallocated]);
    await moved("PROJ-CHAT", "DEPT-ENG");
    expect((await rolledUp()).roots).toEqual(before.roots);
  });

  it("an ended entity swallows no cost: it goes on to the next step", async () => {
    const query = { force: true };
    const asked = { org: goldenOrg, caller: root, entityId: "TEAM-WEB", kinds: [], query };
    await deleteEntity(asked, scenario.effects<null>(), scenario.ports);

    const answer = await rolledUp();

    expect(flat(answer.roots)).toMatchObject({ "PROJ-CHAT": ["6.00", "16.00"], "DEPT-ENG": ["8.00", "24.00"] });
    expect(answer.total).toBe("30.00");
  });

  it("a root or a level changes what is shown, not the sums of what is shown", async () => {
    const ops = await rolledUp({ root: "dept-ops" });
    const departments = await rolledUp({ level_code: "department" });

    expect(ops).toMatchObject({ total: "3.00", unallocated: { amount: "0.00" } });
    expect(flat(departments.roots)).toEqual({ "DEPT-ENG": ["8.00", "24.00"], "DEPT-OPS": ["1.00", "3.00"] });
    await expect(rolledUp({ root: "NOBODY" })).rejects.toMatchObject({ code: "ENTITY_NOT_FOUND" });
  });

  it("the cost summary takes the same entities as filters", async () => {
    const total = async (query: object) =>
      (await readSummary({ org: goldenOrg, query: { ...march, ...query } }, scenario.ports)).total_cost;

    expect(await total({})).toBe("30.00");
    expect(await total({ hierarchy_entity_id: ["proj-chat"] })).toBe("16.00");
    expect(await total({ hierarchy_entity_id: ["PROJ-CHAT", "UNALLOCATED"] })).toBe("19.00");
    expect(await total({ department_id: ["DEPT-ENG"], project_id: ["PROJ-CHAT"] })).toBe("16.00");
    expect(await total({ hierarchy_path: ["/DEPT-ENG/PROJ-CHAT"], providers: ["openai"] })).toBe("16.00");
    await expect(total({ team_id: ["PROJ-CHAT"] })).rejects.toMatchObject({ code: "ENTITY_NOT_FOUND" });
    await expect(total({ hierarchy_path: ["/PROJ-CHAT"] })).rejects.toMatchObject({ code: "ENTITY_NOT_FOUND" });
  });
});

it("an entity's cost is never that of one whose id begins with the same letters", async () => {
  for (const entity_id of ["DEPT-1", "DEPT-10"]) {
    const request = { entity_id, entity_name: entity_id, level_code: "department" };
    await createEntity({ org: goldenOrg, caller: root, request }, scenario.effects<EntityAnswer>(), scenario.ports);
  }
  const charge = (department: string, billed: string): Charge => ({
    ...{ day: "2026-03-02", provider: "aws", category: "cloud", service: "EC2", billed },
    columns: { Tags: { department } },
  });
  await publishScenario(scenario, [charge("dept-1", "1"), charge("DEPT-10", "10")]);
  const total = async (query: object) =>
    (await readSummary({ org: goldenOrg, query: { ...march, ...query } }, scenario.ports)).total_cost;

  for (const [id, cost] of [
    ["DEPT-1", "1.00"],
    ["DEPT-10", "10.00"],
  ] as const) {
    expect(await total({ hierarchy_path: [`/${id}`] })).toBe(cost);
    expect(await total({ hierarchy_entity_id: [id] })).toBe(cost);
    expect(await total({ department_id: [id] })).toBe(cost);
    expect(await rolledUp({ root: id })).toMatchObject({ total: cost, roots: [{ entity_id: id, total_cost: cost }] });
  }
  await expect(total({ hierarchy_path: ["/DEPT"] })).rejects.toMatchObject({ code: "ENTITY_NOT_FOUND" });
});

it.each([
  ["2026-03-10T12:00", "without an offset"],
  ["2026-02-30", "no day"],
  ["2026-02-30T00:00:00Z", "on no day"],
  ["2026-03-10 (noon)", "with a comment"],
  ["2026-03-11", "in the future"],
])("the structure of %s is refused: %s", async (structure_as_of) => {
  await expect(rolledUp({ structure_as_of })).rejects.toMatchObject({
    code: "INVALID_PARAMETER",
    fields: [{ path: "/structure_as_of" }],
  });
});

it("the structure of today is that of now", async () => {
  expect((await rolledUp({ structure_as_of: "2026-03-10" })).roots).toEqual((await rolledUp()).roots);
});

describe("H1 on published rows", () => {
  it("any rows under any rules, in every cost and currency, sum to what was published", async () => {
    const entity = fc.constantFrom("DEPT-ENG", "TEAM-ML", "TEAM-WEB", "PROJ-IT");
    const action: fc.Arbitrary<RuleAction> = fc.oneof(
      entity.map((entity_id): RuleAction => ({ type: "assign", entity_id })),
      fc.constantFrom("33.333333", "50", "0.000001").map(
        (percent): RuleAction => ({
          type: "split",
          targets: [
            { entity_id: "TEAM-ML", percent },
            { entity_id: "TEAM-WEB", percent },
          ],
        }),
      ),
      fc
        .constantFrom("even" as const, "direct_cost" as const)
        .chain((weight) =>
          fc
            .constantFrom("day" as const, "month" as const)
            .map((period): RuleAction => ({ type: "spread", over: ["DEPT-ENG", "DEPT-OPS"], weight, period })),
        ),
    );
    const amount = fc
      .oneof(fc.bigInt({ min: -(10n ** 26n), max: 10n ** 26n }), fc.bigInt({ min: -9n, max: 9n }))
      .map((units) => parseAmount(`${units}e-12`).toFixed());
    const row: fc.Arbitrary<Charge> = fc.record({
      day: fc.constantFrom("2026-03-01", "2026-03-02"),
      provider: fc.constantFrom("openai", "gcp", "slack"),
      category: fc.constant("llm"),
      service: fc.constantFrom("A", "Support"),
      billed: amount,
      effective: amount,
      list: amount,
      contracted: amount,
      currency: fc.constantFrom("USD", "EUR"),
      charge: fc.constantFrom("Usage", "Credit", "Purchase"),
      columns: fc.record({ Tags: fc.constantFrom({ team: "web" }, { team: "PROJ-IT" }, {}) }),
    });
    const rule = fc.record({ action, provider: fc.constantFrom("openai", "gcp", "slack") });
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 12 }),
        fc.array(rule, { maxLength: 4 }),
        async (rows, rules) => {
          const own = await startScenario();
          try {
            const named = rules.map(
              ({ action: each, provider }, at): AllocationRule =>
                testRule(`R${at}`, each, { match: { providers: [provider] } }),
            );
            await own.setRules(named);
            await publishScenario(own, rows);
            const summary = await readSummary({ org: goldenOrg, query: march }, own.ports);
            const every = { ...march, hierarchy_entity_id: ["DEPT-ENG", "DEPT-OPS", "UNALLOCATED"] };
            const byEntity = await readSummary({ org: goldenOrg, query: every }, own.ports);

            for (const basis of ["effective", "billed", "list", "contracted"] as const) {
              const answer = await rollup({ org: goldenOrg, query: { ...march, basis } }, own.ports);
              const parts = [...answer.roots.map((each) => each.total_cost), answer.unallocated.amount];
              expect(sumAmounts(parts.map(parseAmount)).toFixed()).toBe(
                parseAmount(summary[`total_${basis}_cost`]).toFixed(),
              );
            }
            const { filters: _named, cache_hit: _hit, query_time_ms: _time, ...whole } = byEntity;
            const { filters: _none, cache_hit: _hit2, query_time_ms: _time2, ...expected } = summary;
            expect(whole).toEqual(expected);
          } finally {
            await own.stores.close();
          }
        },
      ),
      { numRuns: 6 },
    );
  }, 60_000);
});
