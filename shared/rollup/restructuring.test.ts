import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { goldenOrg } from "#shared/costs/publication.fixture.ts";
import { readSummary } from "#shared/costs/read-summary.ts";
import { createRule, deleteRule, reorderRules, setSettings, updateRule } from "#shared/hierarchy/allocation-changes.ts";
import { currentRules } from "#shared/hierarchy/allocation-store.ts";
import { createEntity } from "#shared/hierarchy/entity-create.ts";
import { deleteEntity, restoreEntity } from "#shared/hierarchy/entity-delete.ts";
import { moveEntity, updateEntity } from "#shared/hierarchy/entity-update.ts";
import { currentTree } from "#shared/hierarchy/hierarchy-store.ts";
import { descendantsOf, type TreeNode } from "#shared/hierarchy/tree.ts";
import { headPath, pipelineMonthPath } from "#shared/ledger/current-batches.ts";
import { spreadableMetrics } from "#shared/unit-economics/metric-weights.ts";
import { rollup } from "./rollup.ts";
import { publishScenario, root, type Scenario, startScenario } from "./scenario.fixture.ts";

let scenario: Scenario;
beforeEach(async () => {
  scenario = await startScenario();
  await publishScenario(scenario);
});
afterEach(() => scenario.stores.close());

const march = { start_date: "2026-03-01", end_date: "2026-03-31" };
const on = { org: goldenOrg, caller: root, kinds: [] };
const facts = { isUnused: false, metricsOf: spreadableMetrics };

type Undo = () => Promise<unknown>;
interface Step {
  kind: keyof typeof changes;
  one: number;
  other: number;
  at: number;
}

/** Each change of a random place answers how it is undone; undefined where it had no place. */
const changes = {
  create: async ({ one, at }: Step): Promise<Undo | undefined> => {
    const all = await nodes();
    const parent = picked(
      all.filter(({ level }) => level < 3),
      one,
    );
    if (parent === undefined) return undefined;
    const level_code = parent.level === 1 ? "project" : "team";
    const request = { entity_id: `N-${at}`, entity_name: `New ${at}`, level_code, parent_id: parent.id };
    await createEntity({ ...on, request }, scenario.effects(), scenario.ports);
    return () => ended(`N-${at}`);
  },
  rename: async ({ one, at }: Step): Promise<Undo | undefined> => {
    const node = picked(await nodes(), one);
    const named = (entity_name: string) => {
      const asked = { ...on, entityId: node?.id ?? "", request: { entity_name } };
      return updateEntity(asked, scenario.effects(), scenario.ports);
    };
    if (node === undefined) return undefined;
    await named(`Name ${at}`);
    return () => named(node.name);
  },
  move: async ({ one, other }: Step): Promise<Undo | undefined> => {
    const all = await nodes();
    const node = picked(
      all.filter(({ level }) => level > 1),
      one,
    );
    const parent = picked(
      all.filter(({ level }) => level + 1 === node?.level),
      other,
    );
    if (node === undefined || parent === undefined) return undefined;
    const to = (new_parent_id: string | null) =>
      moveEntity({ ...on, entityId: node.id, request: { new_parent_id } }, scenario.effects(), scenario.ports);
    await to(parent.id);
    return () => to(node.parentId);
  },
  end: async ({ one }: Step): Promise<Undo | undefined> => {
    const all = await nodes();
    const node = picked(
      all.filter(({ level }) => level > 1),
      one,
    );
    if (node === undefined) return undefined;
    const tree = await currentTree(goldenOrg, scenario.ports.documents);
    const ids = [node.id, ...descendantsOf(tree, node.id).map(({ id }) => id)];
    await ended(node.id);
    return async () => {
      for (const entityId of ids)
        await restoreEntity({ ...on, entityId, request: {} }, scenario.effects(), scenario.ports);
    };
  },
  addRule: async ({ one, other, at }: Step): Promise<Undo | undefined> => {
    const node = picked(await nodes(), one);
    if (node === undefined) return undefined;
    const request = {
      ...{ name: `Rule ${at}`, priority: 1 + (other % 50), overrides_explicit: other % 3 === 0 },
      match: { providers: [["openai", "gcp", "slack"][other % 3] ?? ""] },
      action: { type: "assign" as const, entity_id: node.id },
    };
    await createRule({ ...on, ...facts, request }, scenario.effects(), scenario.ports);
    const { ruleId = "" } = (await rules()).find(({ name }) => name === `Rule ${at}`) ?? {};
    return () => deleteRule({ ...on, ruleId }, scenario.effects<null>(), scenario.ports);
  },
  changeRule: async ({ one, other }: Step): Promise<Undo | undefined> => {
    const rule = picked(await rules(), one);
    if (rule === undefined) return undefined;
    const { priority, isActive: is_active } = rule;
    const to = (request: { priority: number; is_active: boolean }) =>
      updateRule({ ...on, ...facts, ruleId: rule.ruleId, request }, scenario.effects(), scenario.ports);
    await to({ priority: 1 + (other % 50), is_active: !is_active });
    return () => to({ priority, is_active });
  },
  reorder: async (): Promise<Undo> => {
    const before = await rules();
    const rule_ids = before.map(({ ruleId }) => ruleId).reverse();
    await reorderRules({ ...on, request: { rule_ids } }, scenario.effects(), scenario.ports);
    return async () => {
      for (const { ruleId, priority } of before)
        await updateRule({ ...on, ...facts, ruleId, request: { priority } }, scenario.effects(), scenario.ports);
    };
  },
  settings: async ({ one }: Step): Promise<Undo> => {
    const { settings } = await currentRules(goldenOrg, scenario.ports.documents);
    const to = (tag_keys: string[]) =>
      setSettings({ ...on, request: { tag_keys } }, scenario.effects(), scenario.ports);
    await to(one % 2 === 0 ? ["squad", "team"] : []);
    return () => to([...settings.tagKeys]);
  },
};

async function nodes(): Promise<TreeNode[]> {
  return [...(await currentTree(goldenOrg, scenario.ports.documents)).nodes.values()];
}

async function rules() {
  return (await currentRules(goldenOrg, scenario.ports.documents)).rules;
}

function picked<T>(list: readonly T[], at: number): T | undefined {
  return list[at % Math.max(1, list.length)];
}

function ended(entityId: string): Promise<unknown> {
  return deleteEntity({ ...on, entityId, query: { force: true } }, scenario.effects<null>(), scenario.ports);
}

/** What no change of structure or rules may touch: totals, ledger versions and what is published. */
async function untouched(): Promise<string> {
  const { documents } = scenario.ports;
  const ledger = await documents.getAll([
    headPath(goldenOrg, "2026-03"),
    pipelineMonthPath(goldenOrg, "2026-03", "test-cost"),
  ]);
  const {
    query_time_ms: _time,
    cache_hit: _hit,
    ...summary
  } = await readSummary({ org: goldenOrg, query: march }, scenario.ports);
  return JSON.stringify([ledger, summary]);
}

async function rolledUp(): Promise<string> {
  const { versions: _versions, ...answer } = await rollup({ org: goldenOrg, query: march }, scenario.ports);
  return JSON.stringify(answer);
}

it("200 changes of structure and rules touch no total, batch or ledger version; undone, the first roll-up is back byte for byte", async () => {
  const [before, first] = [await untouched(), await rolledUp()];
  const place = fc.nat({ max: 10_000 });
  const kind = fc.constantFrom(...(Object.keys(changes) as Step["kind"][]));
  const step = fc.record({ kind, one: place, other: place });
  const [steps = []] = fc.sample(fc.array(step, { minLength: 200, maxLength: 200 }), { numRuns: 1, seed: 7 });
  const undo: Undo[] = [];
  const seen = new Set([first]);

  for (const [at, each] of steps.entries()) {
    const back = await changes[each.kind]({ ...each, at });
    if (back !== undefined) undo.unshift(back);
    if (at % 40 !== 39) continue;
    expect(await untouched()).toBe(before);
    const answer = await rolledUp();
    expect(JSON.parse(answer)).toMatchObject({ total: "30.00" });
    seen.add(answer);
  }
  for (const back of undo) await back();

  expect([undo.length > 150, seen.size > 4]).toEqual([true, true]);
  expect(await untouched()).toBe(before);
  expect(await rolledUp()).toBe(first);
}, 30_000);
