import type { OrgIdentity } from "#shared/access/caller.ts";
import type { BlockingKind, Reference, ReferenceKind } from "#shared/hierarchy/references.ts";
import { ruleReferences } from "#shared/hierarchy/rule-references.ts";
import type { CredentialDocument } from "#shared/integrations/credential.ts";
import { credentialHistory } from "#shared/integrations/credential-history.ts";
import type { Snapshot } from "#shared/platform/documents/documents.ts";
import { allDocuments } from "#shared/platform/documents/pages.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { PlanVersion } from "#shared/saas-plans/plan.ts";
import type { ProviderSubscriptionDocument } from "#shared/saas-plans/provider-subscription.ts";
import type { CostScope, MetricDocument } from "#shared/unit-economics/metric.ts";

type Stored<T extends object> = Snapshot<T> & { body: T };

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
}

/** Kinds of things that name entities: a room that has some adds its own here. */
export const referenceKinds: readonly ReferenceKind[] = [
  ruleReferences,
  naming<PlanVersion>({
    kind: "saas_plan",
    collection: "saasPlans",
    entityIds: (plan) => (plan.withdrawnAt === null ? [plan.hierarchyEntityId].flatMap((id) => id ?? []) : []),
    named: (plan) => ({ id: plan.subscriptionId, name: plan.displayName ?? plan.planName }),
    renamed: (plan, rename) => ({ ...plan, hierarchyEntityId: rename(plan.hierarchyEntityId) }),
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
  naming<MetricDocument>({
    kind: "unit_metric",
    collection: "unitMetrics",
    entityIds: ({ deletedAt, costScope }) => (deletedAt === null ? (costScope.hierarchy_entity_ids ?? []) : []),
    named: ({ metric, displayName }) => ({ id: metric, name: displayName }),
    // Without another entity the id stays: a scope that named none would mean all cost.
    renamed: (metric, rename) => ({ ...metric, costScope: renamedScope(metric.costScope, rename) }),
  }),
];

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
      const move = (ids: ReadonlySet<string>, to: string | null, change: Change): void => {
        const rename = (id: string | null): string | null => (id !== null && ids.has(id) ? to : id);
        for (const each of stored) {
          if (!by.entityIds(each.body).some((id) => ids.has(id))) continue;
          const body = by.renamed(each.body, rename);
          change.set<T>(each.path, body);
          by.history?.(org, body, each, change);
        }
      };
      return { references, move };
    },
  };
}
