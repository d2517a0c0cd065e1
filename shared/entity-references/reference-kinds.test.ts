import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { pathsBelow } from "#scripts/e2e/recorded-documents.ts";
import { plainEffects } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { type AlertRuleDocument, alertRuleCollection } from "#shared/alerts/alert-rule.ts";
import { createRule, type RuleCreated } from "#shared/hierarchy/allocation-changes.ts";
import type { EntityAnswer } from "#shared/hierarchy/entity.ts";
import { createEntity } from "#shared/hierarchy/entity-create.ts";
import { canDelete, deleteEntity } from "#shared/hierarchy/entity-delete.ts";
import { type Connecting, refusal, startConnecting } from "#shared/integrations/connecting.fixture.ts";
import type { HistoryMessage } from "#shared/runtime/change.ts";
import { createPlan, type PlanCreated } from "#shared/saas-plans/plan-create.ts";
import { addSubscription } from "#shared/saas-plans/provider-subscriptions.ts";
import type { SubscriptionRow } from "#shared/saas-plans/subscription-answer.ts";
import type { MetricAnswer } from "#shared/unit-economics/metric.ts";
import { createMetric } from "#shared/unit-economics/metric-changes.ts";
import { spreadableMetrics } from "#shared/unit-economics/metric-weights.ts";
import { referenceKinds } from "./reference-kinds.ts";

const caller = { kind: "root", credentialId: "root" } as const;
const kinds = referenceKinds;
let at: Connecting;
let org: OrgIdentity;
let count = 0;
beforeAll(async () => {
  at = await startConnecting();
});
afterAll(() => at.world.stop());

beforeEach(async () => {
  count += 1;
  org = (await at.world.onboarded(`Named_${count}`, "SCALE")).org;
  for (const entity_id of ["OLD", "NEW"]) {
    const request = { entity_id, entity_name: entity_id, level_code: "department" };
    await createEntity({ org, caller, request }, plainEffects<EntityAnswer>(at.ports), at.ports);
  }
  await nameOld();
});

/** One thing of every kind that names OLD. */
async function nameOld(): Promise<void> {
  const entity = { hierarchy_entity_id: "OLD" };
  await at.setUp(org, `sk-admin-sim-account-all-${count}`, { default_hierarchy_entity_id: "OLD" });
  await createPlan(
    { org, caller, provider: "slack", request: { plan_name: "PRO", unit_price: 7, seats: 2, ...entity } },
    plainEffects<PlanCreated>(at.ports),
    at.ports,
  );
  await addSubscription(
    { org, caller, provider: "openai", request: { subscription_name: "team", monthly_cost: 5, ...entity } },
    plainEffects<SubscriptionRow>(at.ports),
    at.ports,
  );
  const rule = { name: "Rule", action: { type: "assign" as const, entity_id: "OLD" } };
  const facts = { isUnused: false, metricsOf: spreadableMetrics };
  await createRule({ org, caller, ...facts, request: rule }, plainEffects<RuleCreated>(at.ports), at.ports);
  const metric = { metric: "units", display_name: "Units", unit_name: "unit", kind: "count" as const };
  const scope = { cost_scope: { hierarchy_entity_ids: ["OLD"] } };
  await createMetric({ org, caller, request: { ...metric, ...scope } }, plainEffects<MetricAnswer>(at.ports));
  const collection = alertRuleCollection(org);
  const filters = [{ field: "isSystem", is: "==" as const, value: true }];
  const { documents } = await at.documents.list<AlertRuleDocument>({ collection, filters, limit: 1 });
  await at.documents.transaction(async (tx) => {
    for (const { body } of documents)
      tx.create(`${collection}/rule_1`, { ...body, ruleId: "rule_1", name: "Spike", hierarchyEntityId: "OLD" });
    const budget = { category: "cloud", budgetType: "monetary", hierarchyEntityId: "OLD" };
    tx.create(`orgs/${org.key}/budgets/bud_1`, { ...budget, budgetId: "bud_1" });
    tx.create(`orgs/${org.key}/budgets/bud_2`, { ...budget, budgetId: "bud_2", deletedAt: "2026-08-01T00:00:00.000Z" });
  });
}

const deleted = (query: Parameters<typeof deleteEntity>[0]["query"]) =>
  deleteEntity({ org, caller, entityId: "OLD", kinds, query }, plainEffects<null>(at.ports), at.ports);

/** What stands, whose body names the entity. */
function namingDocuments(entityId: string): string[] {
  const collections = [
    "saasPlans",
    "providerSubscriptions",
    "credentials",
    "allocationRules",
    "budgets",
    "alert-rules",
  ];
  return [...collections, "unitMetrics"].flatMap((collection) =>
    pathsBelow(at.documents, `orgs/${org.key}/${collection}/`).filter((path) => {
      const body = at.documents.stored.get(path);
      return body?.["deletedAt"] == null && JSON.stringify(body).includes(`"${entityId}"`);
    }),
  );
}

const everyKind = [
  "alert_rule",
  "allocation_rule",
  "budget",
  "credential_default",
  "provider_subscription",
  "saas_plan",
  "unit_metric",
];

// hierarchy.md, shown done when 7
describe("an entity named by a plan, a subscription, a credential, a budget, an alert rule, a rule and a metric", () => {
  it("lists them all where it cannot be deleted", async () => {
    const error = await refusal(deleted({ force: false }));
    const told = await canDelete({ org, entityId: "OLD", kinds }, at.documents);

    expect(error.code).toBe("ENTITY_IN_USE");
    const blocking = error.extra["blocking_entities"] as { kind: string; id: string; name: string }[];
    expect(blocking.map(({ kind }) => kind).sort()).toEqual(everyKind);
    expect(told.blocking_entities).toEqual(blocking);
    expect(told.force_effects.references_ended).toEqual(blocking);
    expect(blocking).toContainEqual({ kind: "budget", id: "bud_1", name: "cloud monetary" });
    expect(blocking).toContainEqual({ kind: "alert_rule", id: "rule_1", name: "Spike" });
  });

  it("with reassignment points them all to the other one in one transaction, with their histories and mirrors", async () => {
    const [before, commits] = [namingDocuments("OLD"), at.documents.commits()];
    const messages = new Set(pathsBelow(at.documents, "outbox/"));

    await deleted({ force: true, reassign_to: "NEW" });

    expect(at.documents.commits() - commits).toBe(1);
    expect(before).toHaveLength(everyKind.length);
    expect([namingDocuments("OLD"), namingDocuments("NEW")]).toEqual([[], before]);
    const sent = pathsBelow(at.documents, "outbox/")
      .filter((path) => !messages.has(path))
      .map((path) => at.documents.stored.get(path)?.["payload"] as HistoryMessage);
    const entities = sent.flatMap(({ table, rows }) =>
      rows.map((row) => [table, row["hierarchy_entity_id"] ?? row["default_hierarchy_entity_id"], row["version"]]),
    );
    expect(entities.filter(([, entity]) => entity !== undefined).sort()).toEqual([
      ["org_integration_credentials", "NEW", 2],
      ["org_notification_rules", "NEW", 2],
      ["saas_subscription_plans", "NEW", 2],
      ["saas_subscription_plans", "NEW", 2],
    ]);
  });

  it("without reassignment leaves its id in them: none of them means the whole organization by that", async () => {
    const before = namingDocuments("OLD");

    await deleted({ force: true });

    expect(namingDocuments("OLD")).toEqual(before);
  });
});
