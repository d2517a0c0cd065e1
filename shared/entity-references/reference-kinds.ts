import type { OrgIdentity } from "#shared/access/caller.ts";
import { type AlertRuleDocument, alertRuleHistory } from "#shared/alerts/alert-rule.ts";
import type { BlockingKind, MoveReferences, Reference, ReferenceKind } from "#shared/hierarchy/references.ts";
import { ruleReferences } from "#shared/hierarchy/rule-references.ts";
import type { CredentialDocument } from "#shared/integrations/credential.ts";
import { credentialHistory } from "#shared/integrations/credential-history.ts";
import type { Snapshot } from "#shared/platform/documents/documents.ts";
import { allDocuments } from "#shared/platform/documents/pages.ts";
import type { Ids } from "#shared/platform/ids.ts";
import type { Change } from "#shared/runtime/change.ts";
import { packed } from "#shared/runtime/packed.ts";
import type { PlanVersion } from "#shared/saas-plans/plan.ts";
import { type Mirrored, planMirrorRow, subscriptionMirrorRow } from "#shared/saas-plans/plan-mirror.ts";
import type {
  ProviderSubscriptionDocument,
  ProviderSubscriptionVersion,
} from "#shared/saas-plans/provider-subscription.ts";
import type { CostScope, MetricDocument } from "#shared/unit-economics/metric.ts";

type Stored<T extends object> = Snapshot<T> & { body: T };

const plansMirror = "saas_subscription_plans";
/** What one message to the warehouse may hold. */
const mirroredBytes = 500_000;

/** Where documents of one kind name entities, and how one is written anew. */
interface Naming<T extends object> {
  kind: Exclude<BlockingKind, "child">;
  collection: string;
  /** The ids that the document names; none where it names nothing that is in force. */
  entityIds(body: T): string[];
  named(body: T): { id: string; name: string };
  renamed(body: T, rename: (entityId: string | null) => string | null): T;
  /** The row of the document's own history. */
  history?(org: OrgIdentity, body: T, stored: Stored<T>, change: Change): void;
  /** The rows of the table in the organization's dataset that mirrors such documents. */
  mirror?: { table: string; rows(body: T, before: T, at: () => Mirrored): Record<string, unknown>[] };
}

/** What a document `orgs/{key}/budgets/{budgetId}` says of its entity. Source: `budgets-alerts-notifications.md` 2.1. */
interface BudgetOfEntity {
  budgetId: string;
  category: string;
  budgetType: string;
  hierarchyEntityId: string | null;
  /** Absent or null: the budget stands. */
  deletedAt?: string | null;
}

/**
 * Kinds of things that name entities: a room that has some adds its own here. What follows an entity that has ended
 * keeps its id: a budget or an alert rule that named none would mean the whole organization.
 */
export const referenceKinds: readonly ReferenceKind[] = [
  ruleReferences,
  naming<PlanVersion>({
    kind: "saas_plan",
    collection: "saasPlans",
    entityIds: (plan) => (plan.withdrawnAt === null ? [plan.hierarchyEntityId].flatMap((id) => id ?? []) : []),
    named: (plan) => ({ id: plan.subscriptionId, name: plan.displayName ?? plan.planName }),
    renamed: (plan, rename) => ({ ...plan, hierarchyEntityId: rename(plan.hierarchyEntityId) }),
    mirror: { table: plansMirror, rows: (plan, _before, at) => [planMirrorRow(plan, at())] },
  }),
  naming<ProviderSubscriptionDocument>({
    kind: "provider_subscription",
    collection: "providerSubscriptions",
    entityIds: ({ versions }) => versions.flatMap(({ agreement }) => agreement.hierarchyEntityId ?? []),
    named: ({ subscriptionId, name }) => ({ id: subscriptionId, name }),
    renamed: (subscription, rename) => ({
      ...subscription,
      versions: subscription.versions.map((version) => ({
        ...version,
        agreement: { ...version.agreement, hierarchyEntityId: rename(version.agreement.hierarchyEntityId) },
      })),
    }),
    mirror: {
      table: plansMirror,
      rows: ({ versions }, before, at) =>
        versions
          .filter((version, index) => entityOf(version) !== entityOf(before.versions[index]))
          .map((version) => subscriptionMirrorRow(version, at())),
    },
  }),
  naming<CredentialDocument>({
    kind: "credential_default",
    collection: "credentials",
    entityIds: ({ defaultHierarchyEntityId }) => [defaultHierarchyEntityId].flatMap((id) => id ?? []),
    named: ({ credentialId, name }) => ({ id: credentialId, name }),
    renamed: (credential, rename) => ({
      ...credential,
      defaultHierarchyEntityId: rename(credential.defaultHierarchyEntityId ?? null),
    }),
    history: (org, credential, stored, change) =>
      change.history(credentialHistory(org, credential, { stored, now: change.now, operation: "UPDATE" })),
  }),
  naming<BudgetOfEntity>({
    kind: "budget",
    collection: "budgets",
    entityIds: ({ deletedAt, hierarchyEntityId }) =>
      deletedAt == null ? [hierarchyEntityId].flatMap((id) => id ?? []) : [],
    named: ({ budgetId, category, budgetType }) => ({ id: budgetId, name: `${category} ${budgetType}` }),
    renamed: (budget, rename) => ({ ...budget, hierarchyEntityId: rename(budget.hierarchyEntityId) }),
  }),
  naming<AlertRuleDocument>({
    kind: "alert_rule",
    collection: "alert-rules",
    entityIds: ({ hierarchyEntityId }) => [hierarchyEntityId].flatMap((id) => id ?? []),
    named: ({ ruleId, name }) => ({ id: ruleId, name }),
    renamed: (rule, rename) => ({ ...rule, hierarchyEntityId: rename(rule.hierarchyEntityId) }),
    history: (org, rule, { version, createdAt }, change) => {
      const at = { version: version + 1, createdAt: createdAt ?? change.now.toISOString(), now: change.now };
      change.history(alertRuleHistory(org, rule, at));
    },
  }),
  naming<MetricDocument>({
    kind: "unit_metric",
    collection: "unitMetrics",
    entityIds: ({ deletedAt, costScope }) => (deletedAt === null ? (costScope.hierarchy_entity_ids ?? []) : []),
    named: ({ metric, displayName }) => ({ id: metric, name: displayName }),
    // Without another entity the id stays: a scope that named none would mean all cost.
    renamed: (metric, rename) => ({ ...metric, costScope: renamedScope(metric.costScope, rename) }),
  }),
];

function entityOf(version: ProviderSubscriptionVersion | undefined): string | null {
  return version?.agreement.hierarchyEntityId ?? null;
}

function renamedScope(scope: CostScope, rename: (entityId: string) => string | null): CostScope {
  const { hierarchy_entity_ids: ids } = scope;
  return ids === undefined
    ? scope
    : { ...scope, hierarchy_entity_ids: [...new Set(ids.map((id) => rename(id) ?? id))] };
}

function naming<T extends object>(by: Naming<T>): ReferenceKind {
  return {
    kind: by.kind,
    read: async (org, tx) => {
      const stored = await allDocuments<T>({ collection: `orgs/${org.key}/${by.collection}` }, tx);
      const references = stored.flatMap(({ body }): Reference[] => {
        const ids = [...new Set(by.entityIds(body))];
        return ids.map((entityId) => ({ kind: by.kind, ...by.named(body), entityId }));
      });
      const move: MoveReferences = (ids, to, change, at) => {
        const rename = (id: string | null): string | null => (id !== null && ids.has(id) ? to : id);
        const mirrored: Record<string, unknown>[] = [];
        for (const each of stored) {
          if (!by.entityIds(each.body).some((id) => ids.has(id))) continue;
          const body = by.renamed(each.body, rename);
          change.set<T>(each.path, body);
          by.history?.(org, body, each, change);
          mirrored.push(...(by.mirror?.rows(body, each.body, () => mirroredAt(each, change, at.ids)) ?? []));
        }
        for (const rows of packed(mirrored, mirroredBytes)) change.journal(at.datasetId, by.mirror?.table ?? "", rows);
      };
      return { references, move };
    },
  };
}

function mirroredAt({ version }: Stored<object>, change: Change, ids: Ids): Mirrored {
  return { documentVersion: version + 1, eventId: ids.newId("evt"), now: change.now.toISOString() };
}
