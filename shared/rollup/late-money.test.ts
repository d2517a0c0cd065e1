import { afterEach, beforeEach, expect, it } from "vitest";
import { type Charge, goldenOrg, publish } from "#shared/costs/publication.fixture.ts";
import { testRule } from "#shared/hierarchy/allocation.fixture.ts";
import { createAdjustment } from "#shared/months/adjust.ts";
import { closeCosts } from "#shared/months/close.ts";
import { type RolledEntity, rollup } from "./rollup.ts";
import { root, type Scenario, scenarioRules, startScenario } from "./scenario.fixture.ts";

let scenario: Scenario;
beforeEach(async () => {
  scenario = await startScenario();
});
afterEach(() => scenario.stores.close());

const february = "2026-02";
let fence = 0;

const charge = (day: string, billed: string, more: Partial<Charge> = {}): Charge => ({
  ...{ day, billed, provider: "openai", category: "llm", service: "Usage" },
  columns: { SubAccountId: "proj_chat", x_credential_id: "c1" },
  ...more,
});

async function pulled(...charges: Charge[]): Promise<void> {
  fence += 1;
  await publish(scenario.stores, { pipelineId: "test-cost", charges, fence });
}

/** What entities hold themselves in a month; those without are left out. */
async function own(month: string): Promise<Record<string, string>> {
  const query = { start_date: `${month}-01`, end_date: month === february ? "2026-02-28" : "2026-03-31" };
  const { roots, unallocated } = await rollup({ org: goldenOrg, query }, scenario.ports);
  const below = (entities: readonly RolledEntity[]): [string, string][] =>
    entities.flatMap(({ entity_id, own_cost, children }) => [[entity_id, own_cost], ...below(children)]);
  const all: [string, string][] = [...below(roots), ["UNALLOCATED", unallocated.amount]];
  return Object.fromEntries(all.filter(([, cost]) => cost !== "0.00"));
}

const closed = () =>
  closeCosts(
    { org: goldenOrg, caller: root, month: february, body: { accept_incomplete: true } },
    scenario.effects(),
    scenario.ports,
  );

it("a restated day and a late credit appear under their entities at the next read", async () => {
  const usage = charge("2026-03-02", "10");
  await pulled(usage);
  const first = await own("2026-03");
  await pulled({ ...usage, billed: "12" }, charge("2026-03-02", "5", { columns: { Tags: { team: "web" } } }));
  const restated = await own("2026-03");

  const credit = charge("2026-03-02", "-4", { charge: "Credit" });
  await pulled({ ...usage, billed: "12" }, charge("2026-03-02", "5", { columns: { Tags: { team: "web" } } }), credit);

  expect([first, restated, await own("2026-03")]).toEqual([
    { "TEAM-ML": "10.00" },
    { "TEAM-ML": "12.00", "TEAM-WEB": "5.00" },
    { "TEAM-ML": "8.00", "TEAM-WEB": "5.00" },
  ]);
});

it("what late data corrects of a closed month reaches the entity of the charge, by the rules of now", async () => {
  await pulled(charge("2026-02-10", "100"), charge("2026-02-11", "7", { columns: { SubAccountId: "other" } }));
  await closed();
  const before = [await own(february), await own("2026-03")];

  await pulled(charge("2026-02-10", "104.5"), charge("2026-02-11", "6.25", { columns: { SubAccountId: "other" } }));
  const corrected = [await own(february), await own("2026-03")];
  await scenario.setRules([
    testRule("R1", { type: "assign", entity_id: "DEPT-OPS" }, { match: { sub_account_ids: ["proj_chat"] } }),
  ]);

  expect(before).toEqual([{ "TEAM-ML": "100.00", UNALLOCATED: "7.00" }, {}]);
  expect(corrected).toEqual([
    { "TEAM-ML": "100.00", UNALLOCATED: "7.00" },
    { "TEAM-ML": "4.50", UNALLOCATED: "-0.75" },
  ]);
  expect([await own(february), await own("2026-03")]).toEqual([
    { "DEPT-OPS": "100.00", UNALLOCATED: "7.00" },
    { "DEPT-OPS": "4.50", UNALLOCATED: "-0.75" },
  ]);
});

it("a person's adjustment reaches the entity it names before any rule, but for one that overrides", async () => {
  await pulled(charge("2026-02-10", "100"));
  await closed();
  const all = testRule("ALL", { type: "assign", entity_id: "DEPT-OPS" });
  await scenario.setRules([all]);
  const adjusted = (amount: string, entity_id?: string) => {
    const body = { amount, currency: "USD", provider: "gcp", service: "Support", reason: "credit note" };
    return createAdjustment(
      { org: goldenOrg, caller: root, month: february, body: entity_id === undefined ? body : { ...body, entity_id } },
      scenario.effects(),
      scenario.ports,
    );
  };

  await adjusted("-12.5", "team-web");
  await adjusted("3");

  expect(await own("2026-03")).toEqual({ "TEAM-WEB": "-12.50", "DEPT-OPS": "3.00" });
  await expect(adjusted("1", "NOBODY")).rejects.toMatchObject({ code: "HIERARCHY_ENTITY_UNKNOWN" });
  await scenario.setRules([{ ...all, overridesExplicit: true }]);
  expect(await own("2026-03")).toEqual({ "DEPT-OPS": "-9.50" });
  await scenario.setRules(scenarioRules);
  expect(await own("2026-03")).toMatchObject({ "TEAM-WEB": "-12.50" });
});
