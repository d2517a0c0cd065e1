import type { OrgIdentity } from "#shared/access/caller.ts";
import { platformScope } from "#shared/access/platform-scope.ts";
import { keyHistory, type StoredKey } from "#shared/api-keys/stored-key.ts";
import type { CredentialDocument } from "#shared/integrations/credential.ts";
import { credentialHistory } from "#shared/integrations/credential-history.ts";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import { profileHistory } from "#shared/organizations/organization-history.ts";
import type { OrgBatchDocument } from "#shared/pipelines/batch-counts.ts";
import { recordBatch } from "#shared/pipelines/batch-history.ts";
import type { RunDocument, StepDocument } from "#shared/pipelines/run.ts";
import { recordRun, recordStep } from "#shared/pipelines/run-history.ts";
import { runCollection } from "#shared/pipelines/run-paths.ts";
import { plans } from "#shared/plans/plans.ts";
import { effectiveSubscription, type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import { subscriptionHistory } from "#shared/plans/subscription-history.ts";
import type { Documents, Found, Query } from "#shared/platform/documents/documents.ts";
import { everyDocument } from "#shared/platform/documents/pages.ts";
import type { HistoryEntry } from "#shared/runtime/change.ts";

/** Where the current rows of a history table come from. Every row of the table must have a document that gives it back. */
interface SnapshotSource {
  table: string;
  rows(documents: Documents): AsyncIterable<HistoryEntry>;
}

export const snapshotSources: readonly SnapshotSource[] = [
  { table: "org_profiles", rows: profiles },
  { table: "org_subscriptions", rows: subscriptions },
  { table: "org_api_keys", rows: apiKeys },
  { table: "org_integration_credentials", rows: credentials },
  { table: "org_meta_pipeline_runs", rows: runs },
  { table: "org_meta_step_logs", rows: steps },
];

const pageSize = 200;

async function* profiles(documents: Documents): AsyncGenerator<HistoryEntry> {
  const catalogue = await plans();
  for await (const { org, stored } of organizations(documents)) {
    const { body, readAt } = await documents.get<SubscriptionDocument>(subscriptionPath(org));
    const effective = effectiveSubscription(body, catalogue, readAt);
    const at = { version: stored.version, createdAt: stored.createdAt, now: new Date(stored.updatedAt ?? readAt) };
    yield profileHistory(stored.body, effective, { ...at, operation: "SNAPSHOT" });
  }
}

async function* subscriptions(documents: Documents): AsyncGenerator<HistoryEntry> {
  const catalogue = await plans();
  for await (const { org } of organizations(documents)) {
    const { body, readAt, ...stored } = await documents.get<SubscriptionDocument>(subscriptionPath(org));
    if (body === undefined) continue;
    const effective = effectiveSubscription(body, catalogue, readAt);
    yield subscriptionHistory(org, body, effective, { ...stored, now: new Date(stored.updatedAt ?? readAt) });
  }
}

async function* apiKeys(documents: Documents): AsyncGenerator<HistoryEntry> {
  for await (const { org } of organizations(documents)) {
    const query: Query = {
      collection: "apiKeys",
      filters: [{ field: "org", is: "==", value: org.key }],
      orderBy: [{ field: "createdAt", direction: "desc" }],
      limit: pageSize,
    };
    for await (const { path, body, version, createdAt, readAt } of everyDocument<StoredKey>(query, documents)) {
      const hash = path.slice("apiKeys/".length);
      const at = { version, createdAt: createdAt ?? readAt.toISOString(), operation: "CREATE" as const };
      yield keyHistory(org, body, hash, at);
    }
  }
}

async function* credentials(documents: Documents): AsyncGenerator<HistoryEntry> {
  for await (const { org } of organizations(documents)) {
    const query: Query = { collection: `orgs/${org.key}/credentials`, limit: pageSize };
    for await (const stored of everyDocument<CredentialDocument>(query, documents)) {
      const now = new Date(stored.updatedAt ?? stored.readAt);
      yield { ...credentialHistory(org, stored.body, { stored, now, operation: "UPDATE" }), version: stored.version };
    }
  }
}

async function* runs(documents: Documents): AsyncGenerator<HistoryEntry> {
  for await (const { body, version, updatedAt, readAt } of everyRun(documents))
    yield* recorded(updatedAt ?? readAt, (change) => recordRun(body, version, change));
  for await (const { org } of organizations(documents)) {
    const orderBy: Query["orderBy"] = [{ field: "createdAt", direction: "desc" }];
    const query: Query = { collection: `orgs/${org.key}/batchRuns`, orderBy, limit: pageSize };
    for await (const { body, version, updatedAt, readAt } of everyDocument<OrgBatchDocument>(query, documents))
      yield* recorded(updatedAt ?? readAt, (change) => recordBatch(body, org, version, change));
  }
}

async function* steps(documents: Documents): AsyncGenerator<HistoryEntry> {
  for await (const { path, body: run } of everyRun(documents)) {
    const query: Query = { collection: `${path}/steps`, limit: pageSize };
    for await (const { body, version, createdAt, readAt } of everyDocument<StepDocument>(query, documents))
      yield* recorded(createdAt ?? readAt, (change) => recordStep(run, body, version, change));
  }
}

async function* everyRun(documents: Documents): AsyncGenerator<Found<RunDocument>> {
  for await (const { org } of organizations(documents)) yield* runsOf(org.key, documents);
  yield* runsOf(platformScope.key, documents);
}

function runsOf(orgKey: string, documents: Documents): AsyncGenerator<Found<RunDocument>> {
  const orderBy: Query["orderBy"] = [{ field: "createdAt", direction: "desc" }];
  return everyDocument<RunDocument>({ collection: runCollection(orgKey), orderBy, limit: pageSize }, documents);
}

/** What a writer of history would put into its change at that instant. */
function recorded(
  at: string | Date,
  write: (change: { now: Date; history(entry: HistoryEntry): void }) => void,
): HistoryEntry[] {
  const entries: HistoryEntry[] = [];
  write({ now: new Date(at), history: (entry) => void entries.push(entry) });
  return entries;
}

/** Organizations that have a history: those that were onboarded and not erased. */
async function* organizations(documents: Documents): AsyncGenerator<{ org: OrgIdentity; stored: Found<OrgDocument> }> {
  for (const state of ["ACTIVE", "DELETED"]) {
    const query: Query = {
      collection: "orgs",
      filters: [{ field: "state", is: "==", value: state }],
      orderBy: [{ field: "slug", direction: "asc" }],
      limit: pageSize,
    };
    for await (const stored of everyDocument<OrgDocument>(query, documents)) {
      const { slug, orgId } = stored.body;
      yield { org: { slug, key: slug.toLowerCase(), orgId }, stored };
    }
  }
}
