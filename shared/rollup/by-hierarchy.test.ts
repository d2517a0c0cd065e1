import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { goldenPublications } from "#shared/costs/golden-charges.fixture.ts";
import { goldenOrg, publish } from "#shared/costs/publication.fixture.ts";
import { readSummary } from "#shared/costs/read-summary.ts";
import { testRule } from "#shared/hierarchy/allocation.fixture.ts";
import type { EntityAnswer } from "#shared/hierarchy/entity.ts";
import { createEntity } from "#shared/hierarchy/entity-create.ts";
import { moveEntity } from "#shared/hierarchy/entity-update.ts";
import { parseAmount, sumAmounts } from "#shared/money/amount.ts";
import { storeRates } from "#shared/money/fx.fixture.ts";
import { responseProblems } from "#shared/runtime/schema.ts";
import { type ByHierarchyQuery, CostByHierarchy, costByHierarchy } from "./by-hierarchy.ts";
import { publishScenario, root, type Scenario, startScenario } from "./scenario.fixture.ts";

let scenario: Scenario;

async function read(query: ByHierarchyQuery): Promise<CostByHierarchy> {
  const answer = await costByHierarchy({ org: goldenOrg, query }, scenario.ports);
  expect(await responseProblems(CostByHierarchy, JSON.parse(JSON.stringify(answer)))).toEqual([]);
  return answer;
}

const seen = ({ groups }: CostByHierarchy) =>
  groups.map(({ entity_id, direct, total_cost }) => [entity_id, direct, total_cost]);

describe("cost by hierarchy of the golden organization (costs.md 11)", () => {
  const march = { start_date: "2026-03-01", end_date: "2026-03-04" };
  const to = (id: string, entity: string, providers: string[], more: object = {}) =>
    testRule(id, { type: "assign", entity_id: entity }, { match: { providers, ...more } });

  beforeAll(async () => {
    scenario = await startScenario("2026-03-05T06:00:00Z");
    const entities = [
      ["PROJ-API", "project", "DEPT-ENG"],
      ["TEAM-CORE", "team", "PROJ-API"],
      ["DEPT-MKT", "department", null],
    ] as const;
    for (const [entity_id, level_code, parent_id] of entities) {
      const request = { entity_id, entity_name: entity_id, level_code, parent_id };
      await createEntity({ org: goldenOrg, caller: root, request }, scenario.effects<EntityAnswer>(), scenario.ports);
    }
    await scenario.setRules([
      to("R1", "TEAM-CORE", ["openai"]),
      to("R2", "PROJ-API", ["gcp"], { service_names: ["Compute Engine", "Gemini API"] }),
      to("R3", "DEPT-MKT", ["gcp"], { service_names: ["Cloud Storage"] }),
      to("R4", "DEPT-MKT", ["slack", "canva"]),
    ]);
    for (const publication of goldenPublications()) await publish(scenario.stores, publication);
    await storeRates(scenario.stores.documents, {
      "2026-02-27": { USD: "1.0800" },
      "2026-03-02": { USD: "1.0850" },
      "2026-03-03": { USD: "1.0820" },
      "2026-03-04": { USD: "1.0900" },
    });
  });
  afterAll(() => scenario.stores.close());

  it("level 1: every department with all below it, and what reached nobody", async () => {
    const answer = await read(march);

    expect(seen(answer)).toEqual([
      ["UNALLOCATED", false, "88.735165"],
      ["DEPT-ENG", false, "28.902083"],
      ["DEPT-MKT", false, "26.167684931508"],
      ["DEPT-OPS", false, "0.00"],
    ]);
    expect(answer).toMatchObject({ total_cost: "143.804932931508", remainder: null, data: answer.groups });
  });

  it("level 2: money of a department itself stands beside the projects as direct", async () => {
    const answer = await read({ ...march, level: 2 });

    expect(seen(answer).filter(([, , cost]) => cost !== "0.00")).toEqual([
      ["UNALLOCATED", false, "88.735165"],
      ["PROJ-API", false, "28.902083"],
      ["DEPT-MKT", true, "26.167684931508"],
    ]);
    expect(answer.groups[1]).toMatchObject({
      level_code: "project",
      path: "/DEPT-ENG/PROJ-API",
      path_names: ["DEPT-ENG", "PROJ-API"],
      record_count: 9,
      percentage: 20.1,
      by_method: { rule: "28.902083" },
    });
    expect(await read({ ...march, level_code: "project" })).toMatchObject({ groups: answer.groups });
  });

  it("a team's filter takes the team's rows alone", async () => {
    const answer = await read({ ...march, team_id: ["TEAM-CORE"] });

    expect(seen(answer)).toEqual([
      ["DEPT-ENG", false, "16.31875"],
      ["UNALLOCATED", false, "0.00"],
    ]);
    expect(answer.total_cost).toBe("16.31875");
  });

  it("the children of one entity, with its own money as direct", async () => {
    const answer = await read({ ...march, parent_id: "proj-api" });

    expect(seen(answer)).toEqual([
      ["TEAM-CORE", false, "16.31875"],
      ["PROJ-API", true, "12.583333"],
      ["UNALLOCATED", false, "0.00"],
    ]);
    expect(answer).toMatchObject({ total_cost: "28.902083", filters: { hierarchy_entity_id: ["PROJ-API"] } });
  });

  it("top leaves the others in the remainder, never nobody's", async () => {
    const answer = await read({ ...march, level: 2, top: 1 });

    expect(seen(answer).map(([id]) => id)).toEqual(["UNALLOCATED"]);
    expect(answer.remainder).toMatchObject({ total_cost: "55.069767931508", group_count: 4 });
  });

  it.each([
    [{ level: 1, level_code: "project" }, "INVALID_PARAMETER"],
    [{ level_code: "nothing" }, "INVALID_PARAMETER"],
    [{ parent_id: "NOBODY" }, "ENTITY_NOT_FOUND"],
    [{ project_id: ["DEPT-ENG"] }, "ENTITY_NOT_FOUND"],
    [{ hierarchy_path: ["/PROJ-API"] }, "ENTITY_NOT_FOUND"],
  ])("refuses %j", async (query, code) => {
    await expect(costByHierarchy({ org: goldenOrg, query }, scenario.ports)).rejects.toMatchObject({ code });
  });
});

describe("cost by hierarchy of the scenario of hierarchy.md 2.6", () => {
  beforeEach(async () => {
    scenario = await startScenario();
    await publishScenario(scenario);
  });
  afterEach(() => scenario.stores.close());

  it.each([1, 2, 3, 4])("the groups of level %i sum to the total, every basis", async (level) => {
    const march = { start_date: "2026-03-01", end_date: "2026-03-31" };
    for (const basis of ["effective", "billed", "list", "contracted"] as const) {
      const answer = await read({ ...march, level, basis });
      const whole = await readSummary({ org: goldenOrg, query: { ...march, basis } }, scenario.ports);

      const sum = sumAmounts(answer.groups.map(({ total_cost }) => parseAmount(total_cost)));
      expect(sum.toFixed(2)).toBe(whole.total_cost);
      expect(answer.groups.reduce((rows, { record_count }) => rows + record_count, 0)).toBe(whole.record_count);
    }
  });

  it("moving subtrees anywhere keeps every total of every cost column, and no batch or ledger version changes", async () => {
    const march = { start_date: "2026-03-01", end_date: "2026-03-31" };
    const totals = async () => {
      const found: unknown[] = [];
      for (const basis of ["effective", "billed", "list", "contracted"] as const) {
        const { groups, total_cost, ledger_versions, totals_by_currency } = await read({ ...march, basis, level: 3 });
        const unallocated = groups.find(({ entity_id }) => entity_id === "UNALLOCATED");
        found.push([total_cost, unallocated?.total_cost, ledger_versions, totals_by_currency]);
        const sum = sumAmounts(groups.map((group) => parseAmount(group.total_cost)));
        expect(sum.toFixed(2)).toBe(total_cost);
      }
      return found;
    };
    const before = await totals();
    const move = fc.tuple(fc.constantFrom("PROJ-CHAT", "PROJ-IT"), fc.constantFrom("DEPT-ENG", "DEPT-OPS"));
    await fc.assert(
      fc.asyncProperty(fc.array(move, { minLength: 1, maxLength: 4 }), async (moves) => {
        for (const [entityId, new_parent_id] of moves) {
          const asked = { org: goldenOrg, caller: root, entityId, kinds: [], request: { new_parent_id } };
          await moveEntity(asked, scenario.effects<EntityAnswer>(), scenario.ports);
        }

        expect(await totals()).toEqual(before);
      }),
      { numRuns: 6 },
    );
  }, 60_000);

  it("filters choose an entity with all below it by parent links, OR within and AND between", async () => {
    const total = async (query: ByHierarchyQuery) => (await read({ period: "mtd", ...query })).total_cost;

    expect(await total({ hierarchy_entity_id: ["PROJ-CHAT"] })).toBe("16.00");
    expect(await total({ hierarchy_path: ["/DEPT-ENG/PROJ-CHAT"] })).toBe("16.00");
    expect(await total({ hierarchy_entity_id: ["PROJ-CHAT", "UNALLOCATED"] })).toBe("19.00");
    expect(await total({ department_id: ["dept-eng"], team_id: ["TEAM-ML"] })).toBe("10.00");
    expect(await total({ department_id: ["DEPT-OPS"], team_id: ["TEAM-ML"] })).toBe("0.00");
  });
});
