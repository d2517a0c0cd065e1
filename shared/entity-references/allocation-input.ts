import { createHash } from "node:crypto";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { AllocationInput } from "#shared/hierarchy/allocate.ts";
import type { AllocationRule } from "#shared/hierarchy/allocation-rule.ts";
import { currentRules } from "#shared/hierarchy/allocation-store.ts";
import { currentTree } from "#shared/hierarchy/hierarchy-store.ts";
import { formerStructure } from "#shared/hierarchy/journal.ts";
import { type RowMark, type Scope, scopeMark } from "#shared/hierarchy/row-mark.ts";
import type { Tree } from "#shared/hierarchy/tree.ts";
import type { CredentialDocument } from "#shared/integrations/credential.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { allDocuments } from "#shared/platform/documents/pages.ts";
import { agreementsOf, planVersions } from "#shared/saas-plans/plan-store.ts";
import type { ProviderSubscriptionDocument } from "#shared/saas-plans/provider-subscription.ts";
import type { MetricDocument } from "#shared/unit-economics/metric.ts";
import { spreadableMetrics } from "#shared/unit-economics/metric-weights.ts";

/** All that decides where an organization's rows go, and what of it a cached answer depends on. */
export interface AllocationState {
  input: AllocationInput;
  versions: { hierarchy: number; allocation: number };
  /** By name, those that rules can spread cost by. */
  metrics: ReadonlyMap<string, MetricDocument>;
  /** Equal where nothing that decides differs: a part of cache keys. */
  fingerprint: string;
}

/**
 * The allocation as it stands, or with the structure of an earlier instant (RFC 3339). Rules, plans and credentials are
 * those of now. Throws as `formerStructure`.
 */
export async function allocationState(
  org: OrgIdentity,
  by: { documents: Documents; now: Date; structureAsOf?: string | undefined },
): Promise<AllocationState> {
  const { documents } = by;
  const [tree, rules, planEntities, credentialDefaults, metrics] = await Promise.all([
    structureOf(org, by),
    currentRules(org, documents),
    entitiesOfPlans(org, documents),
    defaultsOfCredentials(org, documents),
    spreadableMetrics(org, documents),
  ]);
  const { settings, version } = rules;
  const input = { tree, rules: rules.rules, settings, planEntities, credentialDefaults };
  const versions = { hierarchy: tree.version, allocation: version };
  return { input, versions, metrics, fingerprint: fingerprintOf({ input, versions, metrics }) };
}

/** The same allocation with other rules: what a preview shows. */
export function withRules(state: AllocationState, rules: readonly AllocationRule[]): AllocationState {
  const input = { ...state.input, rules };
  return { ...state, input, fingerprint: fingerprintOf({ ...state, input }, rules) };
}

/** The same allocation, with its rows marked; equal names mean equal marks. */
export function withMark(state: AllocationState, mark: RowMark, name: unknown): AllocationState {
  const input = { ...state.input, mark };
  return { ...state, input, fingerprint: fingerprintOf({ ...state, input }, name) };
}

/** The same allocation, with the rows marked `true` that a rule like this would look at. */
export function withScope(state: AllocationState, scope: Scope): AllocationState {
  return withMark(state, scopeMark(scope), { scope });
}

/** The metrics that active rules spread cost by. */
export function metricsInUse({ input, metrics }: Pick<AllocationState, "input" | "metrics">): MetricDocument[] {
  const named = input.rules.flatMap(({ isActive, action }) =>
    isActive && action.metric !== undefined ? [action.metric] : [],
  );
  return [...new Set(named)].flatMap((name) => metrics.get(name) ?? []);
}

async function structureOf(
  org: OrgIdentity,
  { documents, now, structureAsOf }: { documents: Documents; now: Date; structureAsOf?: string | undefined },
): Promise<Tree> {
  if (structureAsOf === undefined) return currentTree(org, documents);
  return (await formerStructure(org, { instant: structureAsOf }, { documents, now })).tree;
}

/** By subscription id; under the line's id the newest version's, for rows of versions that are gone. */
async function entitiesOfPlans(org: OrgIdentity, documents: Documents): Promise<ReadonlyMap<string, string>> {
  const [plans, subscriptions] = await Promise.all([
    planVersions(org, undefined, documents),
    allDocuments<ProviderSubscriptionDocument>(agreementsOf(org), documents),
  ]);
  const agreed = subscriptions.flatMap(({ body }) =>
    body.versions.map((version) => ({ ...version, hierarchyEntityId: version.agreement.hierarchyEntityId })),
  );
  const versions = [...plans, ...agreed];
  const entities = new Map<string, string>();
  for (const { subscriptionId, lineId, hierarchyEntityId } of versions.sort((a, b) => a.version - b.version)) {
    if (hierarchyEntityId === null) continue;
    entities.set(lineId, hierarchyEntityId);
    entities.set(subscriptionId, hierarchyEntityId);
  }
  return entities;
}

async function defaultsOfCredentials(org: OrgIdentity, documents: Documents): Promise<ReadonlyMap<string, string>> {
  const credentials = await allDocuments<CredentialDocument>({ collection: `orgs/${org.key}/credentials` }, documents);
  return new Map(
    credentials.flatMap(({ body }): [string, string][] =>
      body.defaultHierarchyEntityId == null ? [] : [[body.credentialId, body.defaultHierarchyEntityId]],
    ),
  );
}

function fingerprintOf(state: Omit<AllocationState, "fingerprint">, others: unknown = null): string {
  const { input, versions } = state;
  const metrics = metricsInUse(state).map(({ metric, series, valuesVersion, aggregation }) => [
    ...[metric, series, valuesVersion, aggregation],
  ]);
  const decisive = [versions, [...input.planEntities].sort(), [...input.credentialDefaults].sort(), metrics, others];
  return createHash("sha256").update(JSON.stringify(decisive)).digest("hex").slice(0, 32);
}
