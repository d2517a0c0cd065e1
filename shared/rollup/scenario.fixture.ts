import { type Charge, freshStores, goldenOrg, publish, type Stores } from "#shared/costs/publication.fixture.ts";
import type { CostPorts } from "#shared/costs/read-summary.ts";
import { testLevels, testRule } from "#shared/hierarchy/allocation.fixture.ts";
import type { AllocationRule } from "#shared/hierarchy/allocation-rule.ts";
import {
  type AllocationState,
  allocationStatePath,
  defaultSettings,
  rulePath,
} from "#shared/hierarchy/allocation-store.ts";
import { hierarchyStatePath } from "#shared/hierarchy/default-levels.ts";
import type { EntityAnswer } from "#shared/hierarchy/entity.ts";
import { createEntity } from "#shared/hierarchy/entity-create.ts";
import type { StructurePorts } from "#shared/hierarchy/structure-change.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { inProcessTopics } from "#shared/platform/topics/in-process-topics.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { readConfiguration } from "#shared/runtime/config.ts";
import type { Effects } from "#shared/runtime/declaration.ts";

export const root = { kind: "root", credentialId: "root" } as const;

/** Stores with the structure and rules of the scenario of hierarchy.md 2.6, and what changes and reads of it need. */
export interface Scenario {
  stores: Stores;
  ports: CostPorts & StructurePorts;
  effects<T>(): Effects<T>;
  setRules(rules: readonly AllocationRule[]): Promise<void>;
  setClock(instant: string): void;
}

const entities: [id: string, level: string, parent: string | null][] = [
  ["DEPT-ENG", "department", null],
  ["DEPT-OPS", "department", null],
  ["PROJ-CHAT", "project", "DEPT-ENG"],
  ["PROJ-IT", "project", "DEPT-OPS"],
  ["TEAM-ML", "team", "PROJ-CHAT"],
  ["TEAM-WEB", "team", "PROJ-CHAT"],
];

export const scenarioRules: AllocationRule[] = [
  testRule(
    "R1",
    { type: "assign", entity_id: "TEAM-ML" },
    { match: { providers: ["openai"], sub_account_ids: ["proj_chat"] } },
  ),
  testRule(
    "R2",
    { type: "assign", entity_from: { tag: "team", map: [{ value: "web", entity_id: "TEAM-WEB" }], match_ids: true } },
    { priority: 20 },
  ),
  testRule(
    "R3",
    { type: "spread", over: ["DEPT-ENG", "DEPT-OPS"], weight: "direct_cost", period: "month" },
    { priority: 30, match: { providers: ["gcp"], service_names: ["Support"] } },
  ),
];

function charge(provider: string, billed: string, columns: Record<string, unknown> = {}): Charge {
  const { service = "Usage", ...rest } = columns;
  return { day: "2026-03-02", provider, category: "llm", service: String(service), billed, columns: rest };
}

const openai = (billed: string, columns: Record<string, unknown> = {}): Charge =>
  charge("openai", billed, { x_credential_id: "c1", ...columns });

export const scenarioCharges: Charge[] = [
  openai("10", { SubAccountId: "proj_chat" }),
  openai("5", { SubAccountId: "proj_x", Tags: { team: "web" } }),
  openai("2", { SubAccountId: "proj_x", Tags: { team: "zzz" } }),
  { ...openai("-1", { SubAccountId: "proj_x" }), charge: "Credit" },
  charge("gcp", "3", { service: "Compute" }),
  charge("slack", "2", { x_subscription_id: "sub_1" }),
  charge("gcp", "9", { service: "Support" }),
];

export async function startScenario(now = "2026-03-10T12:00:00Z"): Promise<Scenario> {
  const stores = await freshStores({ now });
  let at = now;
  const ports = {
    documents: stores.documents,
    warehouse: stores.warehouse,
    clock: { now: () => new Date(at) },
    ids: systemIds,
    config: await readConfiguration({ ENVIRONMENT: "test" }),
  };
  const topics = inProcessTopics({});
  const effects = <T>(): Effects<T> => ({
    commit: (body) => commitChange(body, { ...ports, topics }),
    prepare: async () => {},
    conclude: () => {},
    audit: () => {},
  });
  await stores.documents.transaction(async (tx) => {
    tx.create(hierarchyStatePath(goldenOrg), { levels: testLevels, counters: {}, entityCount: 0 });
    tx.create(`orgs/${goldenOrg.key}/saasPlans/sub_1`, plan);
    tx.create(`orgs/${goldenOrg.key}/credentials/c1`, { credentialId: "c1", defaultHierarchyEntityId: "PROJ-CHAT" });
  });
  for (const [entity_id, level_code, parent_id] of entities) {
    const request = { entity_id, entity_name: entity_id, level_code, parent_id };
    await createEntity({ org: goldenOrg, caller: root, request }, effects<EntityAnswer>(), ports);
  }
  const setRules = (rules: readonly AllocationRule[]): Promise<void> =>
    stores.documents.transaction(async (tx) => {
      await tx.get(allocationStatePath(goldenOrg));
      for (const { ruleId } of rules) await tx.get(rulePath(goldenOrg, ruleId));
      const listed = await tx.list<AllocationRule>({ collection: `orgs/${goldenOrg.key}/allocationRules`, limit: 500 });
      for (const { body, path } of listed.documents)
        if (!rules.some(({ ruleId }) => ruleId === body.ruleId)) tx.delete(path);
      for (const rule of rules) tx.set(rulePath(goldenOrg, rule.ruleId), rule);
      const state: AllocationState = { settings: defaultSettings, ruleCount: rules.length };
      tx.set(allocationStatePath(goldenOrg), state);
    });
  await setRules(scenarioRules);
  return {
    stores,
    ports,
    effects,
    setRules,
    setClock: (instant) => {
      at = instant;
    },
  };
}

const plan = {
  subscriptionId: "sub_1",
  lineId: "line_1",
  version: 1,
  provider: "slack",
  planName: "PRO",
  displayName: null,
  withdrawnAt: null,
  hierarchyEntityId: "PROJ-IT",
};

export async function publishScenario({ stores }: Scenario, charges = scenarioCharges): Promise<void> {
  await publish(stores, { pipelineId: "test-cost", charges });
}
