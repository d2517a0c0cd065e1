import type { OrgIdentity } from "#shared/access/caller.ts";
import { type BatchShardDocument, noBatchCounts, shardPath, summed } from "#shared/pipelines/batch-counts.ts";
import { shardOf } from "#shared/pipelines/run-shard.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import type { Change } from "#shared/runtime/change.ts";
import { type Effects, Reply } from "#shared/runtime/declaration.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import type { Settled } from "#shared/timers/take-due.ts";
import { type TimerDocument, timerPath } from "#shared/timers/timers.ts";
import { batchShardMessage } from "./batch-message.ts";
import { type BatchRunDocument, type BatchWorkDocument, batchRunPath, batchShards, workPath } from "./batch-run.ts";
import { type OrgOutcome, workShard } from "./work-shard.ts";

/** Kind of the timer that looks after a batch whose request or messages were lost. */
export const batchTimer = "batch-run";
/** So long the request works itself; the rest goes by messages. */
const inlineMilliseconds = 10_000;
const firstWatchMilliseconds = 60_000;
const watchMilliseconds = 600_000;
/** Shards that the request works on at once. */
const together = 4;

export type BatchOrder = Omit<BatchRunDocument, "batchRunId" | "orgs">;

/** What a batch has come to while its request was open. */
export interface BatchProgress {
  batchRunId: string;
  isStarted: boolean;
  outcomes: OrgOutcome[];
  totals: Omit<BatchShardDocument, "next" | "size">;
}

/**
 * Makes a batch for these organizations, takes them as far as a request should, and hands the rest to messages. What is
 * made stands before the first run is: a crash loses nothing, a timer sees to the rest.
 */
export async function createBatch<T>(
  order: BatchOrder,
  orgs: readonly OrgIdentity[],
  asked: { answer: (progress: BatchProgress) => T; effects: Effects<T> },
  ports: ReservePorts,
): Promise<Reply<T>> {
  const { effects } = asked;
  const batch: BatchRunDocument = { ...order, batchRunId: ports.ids.newId("batch"), orgs: orgs.length };
  await effects.commit(async (change) => {
    write(batch, orgs, change);
    const { kind, pipelineId: pipeline_id, categories, providers, dates } = order;
    const details = { kind, pipeline_id, categories, providers, dates, organizations: orgs.length };
    effects.audit(change, { resourceId: batch.batchRunId, details });
  });
  const outcomes: OrgOutcome[] = [];
  const open = await worked(batch, outcomes, ports);
  return effects.commit(async (change) => {
    await effects.prepare(change);
    const timer = timerPath(batchTimer, batch.batchRunId);
    await change.get(timer);
    const totals = await batchTotals(batch.batchRunId, change);
    const isStarted = open.length === 0;
    const progress = { batchRunId: batch.batchRunId, isStarted, outcomes, totals };
    const reply = new Reply(202, asked.answer(progress));
    effects.conclude(change, reply, { resourceId: batch.batchRunId, isAudited: true });
    if (isStarted) change.delete(timer);
    for (const shard of open) change.publish(batchShardMessage(batch.batchRunId, shard));
    return reply;
  });
}

function write(batch: BatchRunDocument, orgs: readonly OrgIdentity[], change: Change): void {
  const { batchRunId } = batch;
  change.create<BatchRunDocument>(batchRunPath(batchRunId), batch);
  for (let shard = 0; shard < batchShards; shard++) {
    const own = orgs.filter(({ key }) => shardOf(key) === shard);
    change.create<BatchWorkDocument>(workPath(batchRunId, shard), { orgs: own });
    const counters = { orgsProcessed: 0, orgsSkipped: 0, integrations: 0, next: 0, size: own.length };
    change.create<BatchShardDocument>(shardPath(batchRunId, shard), { counts: noBatchCounts, ...counters });
  }
  change.create<TimerDocument>(timerPath(batchTimer, batchRunId), {
    kind: batchTimer,
    org: null,
    dueAt: new Date(change.now.getTime() + firstWatchMilliseconds).toISOString(),
    payload: { batchRunId },
  });
}

/** Works on the shards until the request has lasted long enough; answers those that are not done. */
async function worked(batch: BatchRunDocument, outcomes: OrgOutcome[], ports: ReservePorts): Promise<number[]> {
  const until = ports.clock.now().getTime() + inlineMilliseconds;
  const waiting = Array.from({ length: batchShards }, (_, shard) => shard);
  const open: number[] = [];
  const work = async (): Promise<void> => {
    for (let shard = waiting.shift(); shard !== undefined; shard = waiting.shift()) {
      const place = { batchRunId: batch.batchRunId, shard, until };
      if (!(await workedUnhindered(place, outcomes, ports))) open.push(shard);
    }
  };
  await Promise.all(Array.from({ length: together }, work));
  return open.sort((a, b) => a - b);
}

/** A store that stumbles is no reason to fail the request: the message tries again. */
async function workedUnhindered(
  place: Parameters<typeof workShard>[0],
  outcomes: OrgOutcome[],
  ports: ReservePorts,
): Promise<boolean> {
  try {
    return await workShard(place, (outcome) => outcomes.push(outcome), ports);
  } catch (error) {
    if (isAppError(error) && error.retryable) return false;
    throw error;
  }
}

/** The timer of a batch: what is not done is announced again, until everything is. */
export async function wakeBatch({ payload }: TimerDocument, change: Change): Promise<Settled> {
  const batchRunId = String(payload["batchRunId"]);
  const shards = await shardsOf(batchRunId, change);
  const open = shards.flatMap(({ next, size }, shard) => (next < size ? [shard] : []));
  if (open.length === 0) return "done";
  for (const shard of open) change.publish(batchShardMessage(batchRunId, shard));
  return { again: new Date(change.now.getTime() + watchMilliseconds).toISOString() };
}

/** The counters of all shards together. */
export async function batchTotals(
  batchRunId: string,
  store: Pick<Documents, "getAll">,
): Promise<BatchProgress["totals"] & { isStarted: boolean }> {
  const shards = await shardsOf(batchRunId, store);
  return {
    counts: shards.reduce((sum, { counts }) => summed(sum, counts), noBatchCounts),
    orgsProcessed: shards.reduce((sum, { orgsProcessed }) => sum + orgsProcessed, 0),
    orgsSkipped: shards.reduce((sum, { orgsSkipped }) => sum + orgsSkipped, 0),
    integrations: shards.reduce((sum, { integrations }) => sum + integrations, 0),
    isStarted: shards.every(({ next, size }) => next >= size),
  };
}

async function shardsOf(batchRunId: string, store: Pick<Documents, "getAll">): Promise<BatchShardDocument[]> {
  const paths = Array.from({ length: batchShards }, (_, shard) => shardPath(batchRunId, shard));
  const stored = await store.getAll<BatchShardDocument>(paths);
  return stored.flatMap(({ body }) => body ?? []);
}
