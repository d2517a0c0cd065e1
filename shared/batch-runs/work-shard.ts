import type { OrgIdentity } from "#shared/access/caller.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import {
  type BatchResult,
  type BatchShardDocument,
  type OrgBatchDocument,
  shardPath,
  withCounts,
} from "#shared/pipelines/batch-counts.ts";
import { recordBatch } from "#shared/pipelines/batch-history.ts";
import type { Pipeline } from "#shared/pipelines/pipeline.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import { plans } from "#shared/plans/plans.ts";
import { effectiveSubscription, type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import { type Change, commitChange } from "#shared/runtime/change.ts";
import { hasPlans } from "#shared/saas-plans/plan-store.ts";
import { usablePipelines } from "#shared/schedules/default-schedules.ts";
import { type BatchShardMessage, batchShardMessage } from "./batch-message.ts";
import { type BatchRunDocument, type BatchWorkDocument, batchRunPath, workPath } from "./batch-run.ts";
import { readBatch, startBatched } from "./start-batched.ts";

/** How long one message works before it hands on what is left. */
const workMilliseconds = 300_000;

/** What a batch has done for one organization. */
export type OrgOutcome = { org: OrgIdentity; results: BatchResult[]; skipped: string | null };

/** The work of one message: what is left when its time is up goes to the next one. */
export async function takeBatchShard(
  { batch_run_id: batchRunId, shard }: BatchShardMessage,
  ports: ReservePorts,
): Promise<void> {
  const until = ports.clock.now().getTime() + workMilliseconds;
  const isDone = await workShard({ batchRunId, shard, until }, () => {}, ports);
  if (!isDone) await ports.topics.publish([batchShardMessage(batchRunId, shard)]);
}

/**
 * Takes the organizations of a shard from where the shard stands, one after the other, until it is done (true) or the
 * time is up. Safe to call twice, at once and after a crash at any point: what was made is found again.
 */
export async function workShard(
  { batchRunId, shard, until }: { batchRunId: string; shard: number; until: number },
  report: (outcome: OrgOutcome) => void,
  ports: ReservePorts,
): Promise<boolean> {
  const paths = [batchRunPath(batchRunId), workPath(batchRunId, shard), shardPath(batchRunId, shard)];
  const [batch, work, progress] = await ports.documents.getAll<object>(paths);
  const wanted = batch?.body as BatchRunDocument | undefined;
  const { orgs } = (work?.body as BatchWorkDocument | undefined) ?? { orgs: [] };
  if (wanted === undefined) return true;
  for (let at = (progress?.body as BatchShardDocument | undefined)?.next ?? 0; at < orgs.length; at++) {
    if (ports.clock.now().getTime() >= until) return false;
    const org = orgs[at];
    if (org !== undefined) report(await takeOrganization(wanted, org, { shard, at }, ports));
  }
  return true;
}

async function takeOrganization(
  batch: BatchRunDocument,
  org: OrgIdentity,
  place: { shard: number; at: number },
  ports: ReservePorts,
): Promise<OrgOutcome> {
  const found = await runnable(batch, org, ports);
  const results: BatchResult[] = [];
  if (!("skipped" in found))
    for (const pipeline of found.pipelines) results.push(await startBatched(batch, org, pipeline, ports));
  const skipped = "skipped" in found ? found.skipped : null;
  await commitChange((change) => pass({ batch, org, place, isSkipped: skipped !== null }, change), ports);
  return { org, results, skipped };
}

/** What there is to run for an organization, or why there is nothing. */
export async function runnable(
  batch: Pick<BatchRunDocument, "pipelineId" | "categories" | "providers">,
  org: OrgIdentity,
  { documents, clock }: Pick<ReservePorts, "documents" | "clock">,
): Promise<{ pipelines: Pipeline[] } | { skipped: string }> {
  const [owner, subscription] = await documents.getAll<object>([orgPath(org.key), subscriptionPath(org)]);
  const stored = owner?.body as OrgDocument | undefined;
  if (stored?.state !== "ACTIVE" || stored.orgId !== org.orgId) return { skipped: "ORG_NOT_FOUND" };
  const now = owner?.readAt ?? clock.now();
  const document = subscription?.body as SubscriptionDocument | undefined;
  if (!effectiveSubscription(document, await plans(), now).canRun) return { skipped: "SUBSCRIPTION_INACTIVE" };
  const { pipelineId, categories, providers } = batch;
  if (pipelineId !== null) return pipelineNamed(pipelineId);
  const usable = await usablePipelines(org, await hasPlans(org, documents), documents);
  const wanted = usable.filter(
    ({ config }) =>
      (categories.length === 0 || categories.includes(config.category)) &&
      (providers.length === 0 || providers.includes(config.provider)),
  );
  return wanted.length === 0 ? { skipped: "NOTHING_TO_RUN" } : { pipelines: wanted };
}

/** A deploy may have taken it away since the batch was made: then every organization is passed over. */
async function pipelineNamed(pipelineId: string): Promise<{ pipelines: Pipeline[] } | { skipped: string }> {
  const named = (await pipelines()).pipelines.filter(({ config }) => config.id === pipelineId);
  return named.length === 0 ? { skipped: "PIPELINE_NOT_FOUND" } : { pipelines: named };
}

/** Counts the organization once and moves the shard on; whoever comes second finds it behind. */
async function pass(
  done: { batch: BatchRunDocument; org: OrgIdentity; place: { shard: number; at: number }; isSkipped: boolean },
  change: Change,
): Promise<void> {
  const { batch, org, place, isSkipped } = done;
  const { entry, version, shard, paths } = await readBatch(batch, org, change);
  if (shard.next > place.at) return;
  change.set<BatchShardDocument>(paths.shard, {
    ...shard,
    next: place.at + 1,
    orgsProcessed: shard.orgsProcessed + (isSkipped ? 0 : 1),
    orgsSkipped: shard.orgsSkipped + (isSkipped ? 1 : 0),
    integrations: shard.integrations + integrationsOf(entry),
  });
  // One that was begun and may not go on has its results all the same.
  if (isSkipped && entry.results.length === 0) return;
  const started = withCounts({ ...entry, isStarted: true }, {}, change.now);
  change.set<OrgBatchDocument>(paths.entry, started);
  recordBatch(started, org, version + 1, change);
}

/** Credentials that there was something to run with, or plans. */
function integrationsOf({ results }: { results: readonly BatchResult[] }): number {
  const connected = results.filter(({ error }) => error?.code !== "INTEGRATION_NOT_CONFIGURED");
  return connected.reduce((sum, { runIds }) => sum + Math.max(1, runIds.length), 0);
}
