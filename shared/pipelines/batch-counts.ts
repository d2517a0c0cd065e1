import type { Change } from "#shared/runtime/change.ts";
import { recordBatch } from "./batch-history.ts";
import type { RunDocument } from "./run.ts";
import { shardOf } from "./run-shard.ts";

/** What a batch has done, of all organizations of a shard or of one alone. */
export interface BatchCounts {
  triggered: number;
  /** Ran already when the batch came. */
  duplicates: number;
  /** Refused for another reason than the quota. */
  failed: number;
  skippedQuota: number;
  /** Of the runs that were triggered, those that have ended. */
  runsCompleted: number;
  runsFailed: number;
  runsCancelled: number;
}

export const noBatchCounts: BatchCounts = {
  triggered: 0,
  duplicates: 0,
  failed: 0,
  skippedQuota: 0,
  runsCompleted: 0,
  runsFailed: 0,
  runsCancelled: 0,
};

/** Document `batchRuns/{id}/shards/{n}`: a slice of the organizations of a batch, so that no document is hot. */
export interface BatchShardDocument {
  counts: BatchCounts;
  orgsProcessed: number;
  /** Gone meanwhile, not allowed to run, or without anything to run. */
  orgsSkipped: number;
  /** Credentials and plans that there was something to run for. */
  integrations: number;
  /** How many of its organizations are behind it. */
  next: number;
  size: number;
}

/** What the batch did for one pipeline of an organization. */
export interface BatchResult {
  pipelineId: string;
  status: "triggered" | "duplicate" | "failed" | "skipped_quota";
  runIds: string[];
  /** Code and text of what refused it. */
  error: { code: string; message: string } | null;
}

/** Document `orgs/{key}/batchRuns/{id}`: the part of a batch that is about one organization. */
export interface OrgBatchDocument {
  batchRunId: string;
  kind: "run_all" | "publish";
  status: "RUNNING" | "COMPLETED" | "PARTIAL" | "FAILED";
  triggerBy: string;
  counts: BatchCounts;
  results: BatchResult[];
  /** Everything of it is triggered or refused. */
  isStarted: boolean;
  startedAt: string;
  endedAt: string | null;
}

export function batchShardPath(batchRunId: string, orgKey: string): string {
  return shardPath(batchRunId, shardOf(orgKey));
}

export function shardPath(batchRunId: string, shard: number): string {
  return `batchRuns/${batchRunId}/shards/${shard}`;
}

export function orgBatchPath(orgKey: string, batchRunId: string): string {
  return `orgs/${orgKey}/batchRuns/${batchRunId}`;
}

export function summed(one: BatchCounts, other: Partial<BatchCounts>): BatchCounts {
  const entries = Object.entries(one).map(([name, count]) => [name, count + (other[name as keyof BatchCounts] ?? 0)]);
  return Object.fromEntries(entries) as unknown as BatchCounts;
}

/** RUNNING until everything is started and all of it has ended; then by what became of it (`pipelines.md` 7). */
export function batchStatus(counts: BatchCounts, isStarted: boolean): OrgBatchDocument["status"] {
  const { triggered, runsCompleted, runsFailed, runsCancelled } = counts;
  const ended = runsCompleted + runsFailed + runsCancelled;
  if (!isStarted || ended < triggered) return "RUNNING";
  const bad = counts.failed + counts.skippedQuota + runsFailed + runsCancelled;
  if (bad === 0) return "COMPLETED";
  return runsCompleted + counts.duplicates > 0 ? "PARTIAL" : "FAILED";
}

/** The same document with more counts, and the status that follows. */
export function withCounts(entry: OrgBatchDocument, more: Partial<BatchCounts>, now: Date): OrgBatchDocument {
  const counts = summed(entry.counts, more);
  const status = batchStatus(counts, entry.isStarted);
  return { ...entry, counts, status, endedAt: status === "RUNNING" ? null : (entry.endedAt ?? now.toISOString()) };
}

const countOf = { COMPLETED: "runsCompleted", FAILED: "runsFailed", CANCELLED: "runsCancelled" } as const;

/** Reads what counts a run of a batch, inside the transaction that ends the run; the answer writes it. */
export async function batchCountsOf(
  run: Pick<RunDocument, "batchRunId" | "org">,
  change: Change,
): Promise<(ending: keyof typeof countOf) => void> {
  const { batchRunId, org } = run;
  if (batchRunId === null) return () => {};
  const paths = { shard: batchShardPath(batchRunId, org.key), entry: orgBatchPath(org.key, batchRunId) };
  const [shard, entry] = await change.getAll<object>([paths.shard, paths.entry]);
  return (ending) => {
    const more = { [countOf[ending]]: 1 };
    const counted = shard?.body as BatchShardDocument | undefined;
    const own = entry?.body as OrgBatchDocument | undefined;
    if (counted !== undefined) change.set(paths.shard, { ...counted, counts: summed(counted.counts, more) });
    if (own === undefined) return;
    const next = withCounts(own, more, change.now);
    change.set(paths.entry, next);
    recordBatch(next, org, (entry?.version ?? 0) + 1, change);
  };
}
