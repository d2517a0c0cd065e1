import type { OrgIdentity } from "#shared/access/caller.ts";
import {
  type BatchCounts,
  type BatchResult,
  type BatchShardDocument,
  batchShardPath,
  noBatchCounts,
  type OrgBatchDocument,
  orgBatchPath,
  summed,
  withCounts,
} from "#shared/pipelines/batch-counts.ts";
import { recordBatch } from "#shared/pipelines/batch-history.ts";
import type { Pipeline } from "#shared/pipelines/pipeline.ts";
import { plannedTrigger, reserveRun } from "#shared/pipelines/trigger.ts";
import type { Transaction } from "#shared/platform/documents/documents.ts";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import { type Change, commitChange } from "#shared/runtime/change.ts";
import { Reply } from "#shared/runtime/declaration.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import { type BatchRunDocument, delayOf, runIdIn } from "./batch-run.ts";

/** A run that sleeps keeps its slot this long past the time it is to start, and half an hour at most. */
const slotGraceSeconds = 900;
const longestSlotSeconds = 1800;

/**
 * Starts one pipeline of one organization for a batch (T1 of `pipelines.md` 6), later by the organization's share of the
 * jitter, and writes down what became of it, all in one transaction. Called again it answers what was written and makes
 * nothing. A refusal is a result too; only a failure of our own machinery is thrown.
 */
export async function startBatched(
  batch: BatchRunDocument,
  org: OrgIdentity,
  pipeline: Pipeline,
  ports: ReservePorts,
): Promise<BatchResult> {
  try {
    return await triggered({ batch, org, pipeline }, ports);
  } catch (error) {
    if (isAppError(error, "BATCH_RUN_MADE")) return storedResult(batch, org, pipeline, ports);
    if (!isAppError(error) || error.retryable) throw error;
    return refused({ batch, org, pipeline }, error, ports);
  }
}

interface Started {
  batch: BatchRunDocument;
  org: OrgIdentity;
  pipeline: Pipeline;
}

async function triggered({ batch, org, pipeline }: Started, ports: ReservePorts): Promise<BatchResult> {
  const { batchRunId } = batch;
  const { id: pipelineId } = pipeline.config;
  const caller = { kind: "platform" as const, credentialId: batch.actor };
  const asked = { org, caller, pipeline, requestId: batchRunId, claimedUser: undefined, traceparent: undefined };
  const request = { ...batch.dates, force_refresh: batch.forceRefresh, trigger_by: batch.triggerBy, queue: true };
  const planned = await plannedTrigger(asked, request, ports);
  let stored: StoredBatch | undefined;
  let result: BatchResult = { pipelineId, status: "triggered", runIds: [], error: null };
  await reserveRun(
    {
      ...planned,
      ...sleepOf(batch, org, ports),
      runs: planned.runs.map((run) => {
        return { ...run, runId: runIdIn(batchRunId, { orgKey: org.key, pipelineId, credentialId: run.credentialId }) };
      }),
      triggerType: "batch",
      batchRunId,
      effects: {
        prepare: async (change) => {
          stored = await unmade(batch, org, pipelineId, change);
        },
        conclude: (change, answer) => {
          const { runs } = answer instanceof Reply ? answer.body : answer;
          const fresh = runs.filter(({ duplicate }) => !duplicate).length;
          const status = fresh > 0 ? "triggered" : "duplicate";
          result = { pipelineId, status, runIds: runs.map(({ run_id }) => run_id), error: null };
          write(stored, result, { triggered: fresh, duplicates: runs.length - fresh }, change);
        },
      },
    },
    ports,
  );
  return result;
}

/** When the runs of the organization wake, and how long their slots are kept for it. */
function sleepOf(batch: BatchRunDocument, org: OrgIdentity, ports: ReservePorts) {
  const delay = delayOf(batch, org.key);
  if (delay === 0) return {};
  return {
    wakeAt: new Date(ports.clock.now().getTime() + delay * 1000).toISOString(),
    slotSeconds: Math.min(delay + slotGraceSeconds, longestSlotSeconds),
  };
}

function refused({ batch, org, pipeline }: Started, error: AppError, ports: ReservePorts): Promise<BatchResult> {
  const status = error.code === "QUOTA_EXCEEDED" ? "skipped_quota" : "failed";
  const { code, message } = error;
  const result: BatchResult = { pipelineId: pipeline.config.id, status, runIds: [], error: { code, message } };
  return commitChange(async (change) => {
    const stored = await readBatch(batch, org, change);
    const earlier = stored.entry.results.find(({ pipelineId }) => pipelineId === pipeline.config.id);
    if (earlier !== undefined) return earlier;
    write(stored, result, status === "failed" ? { failed: 1 } : { skippedQuota: 1 }, change);
    return result;
  }, ports);
}

async function storedResult(
  { batchRunId }: BatchRunDocument,
  org: OrgIdentity,
  { config }: Pipeline,
  { documents }: ReservePorts,
): Promise<BatchResult> {
  const { body } = await documents.get<OrgBatchDocument>(orgBatchPath(org.key, batchRunId));
  const result = body?.results.find(({ pipelineId }) => pipelineId === config.id);
  if (result === undefined) throw new Error(`${batchRunId} has lost a result of ${org.key}`);
  return result;
}

/** What the batch says of the organization so far, and the shard that counts it. */
export interface StoredBatch {
  org: OrgIdentity;
  entry: OrgBatchDocument;
  /** Of the stored entry; 0 where there is none. */
  version: number;
  shard: BatchShardDocument;
  paths: { entry: string; shard: string };
}

/** Reads both; the entry as it begins where there is none. A batch without shards is a bug. */
export async function readBatch(
  { batchRunId, kind, triggerBy }: BatchRunDocument,
  org: OrgIdentity,
  tx: Pick<Transaction, "getAll">,
): Promise<StoredBatch> {
  const paths = { entry: orgBatchPath(org.key, batchRunId), shard: batchShardPath(batchRunId, org.key) };
  const [entry, shard] = await tx.getAll<object>([paths.entry, paths.shard]);
  if (shard?.body === undefined) throw new Error(`${batchRunId} has no shard for ${org.key}`);
  const fresh: OrgBatchDocument = {
    ...{ batchRunId, kind, triggerBy },
    status: "RUNNING",
    counts: noBatchCounts,
    results: [],
    isStarted: false,
    startedAt: shard.readAt.toISOString(),
    endedAt: null,
  };
  return {
    org,
    entry: (entry?.body as OrgBatchDocument | undefined) ?? fresh,
    version: entry?.version ?? 0,
    shard: shard.body as BatchShardDocument,
    paths,
  };
}

/** The same where the pipeline has no result yet, else `BATCH_RUN_MADE`. */
async function unmade(
  batch: BatchRunDocument,
  org: OrgIdentity,
  pipelineId: string,
  change: Change,
): Promise<StoredBatch> {
  const stored = await readBatch(batch, org, change);
  if (stored.entry.results.every((result) => result.pipelineId !== pipelineId)) return stored;
  throw new AppError("BATCH_RUN_MADE", "The batch has made this run already.");
}

function write(stored: StoredBatch | undefined, result: BatchResult, more: Partial<BatchCounts>, change: Change): void {
  if (stored === undefined) throw new Error("a batch concludes what it has not prepared");
  const { org, version, entry, shard, paths } = stored;
  const next = withCounts({ ...entry, results: [...entry.results, result] }, more, change.now);
  change.set<OrgBatchDocument>(paths.entry, next);
  recordBatch(next, org, version + 1, change);
  change.set<BatchShardDocument>(paths.shard, { ...shard, counts: summed(shard.counts, more) });
}
