import { createHash } from "node:crypto";
import { runShards } from "#shared/pipelines/run-shard.ts";
import { AppError } from "#shared/runtime/errors.ts";

/** Document `batchRuns/{id}`: runs of many organizations that were asked for at once. */
export interface BatchRunDocument {
  batchRunId: string;
  kind: "run_all" | "publish";
  /** Of a `run_all`: what it is narrowed to; empty lists narrow nothing. */
  categories: string[];
  providers: string[];
  /** Of a `publish`: the one pipeline. */
  pipelineId: string | null;
  dates: { date?: string; start_date?: string; end_date?: string };
  forceRefresh: boolean;
  triggerBy: string;
  actor: string;
  /** Over so many seconds the starts are spread; 0: all at once. */
  jitterSeconds: number;
  orgs: number;
}

/** Document `batchRuns/{id}/work/{n}`: the organizations of a shard, in the order in which they are taken. */
export interface BatchWorkDocument {
  orgs: { slug: string; key: string; orgId: string }[];
}

export const batchShards = runShards;

export function batchRunPath(batchRunId: string): string {
  return `batchRuns/${batchRunId}`;
}

export function workPath(batchRunId: string, shard: number): string {
  return `${batchRunPath(batchRunId)}/work/${shard}`;
}

/** `batch_` and a ULID: what an id from outside must be before it becomes part of a path. */
export function isBatchRunId(text: string): boolean {
  return /^batch_[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(text);
}

/** The same refusal for another organization's batch and for none. */
export function batchRunNotFound(): AppError {
  return new AppError("BATCH_RUN_NOT_FOUND", "There is no such batch run.");
}

/**
 * The id of the run that a batch makes of a source: the same whenever it is asked, so that a message that comes twice
 * makes no second run. Its time is the batch's.
 */
export function runIdIn(
  batchRunId: string,
  source: { orgKey: string; pipelineId: string; credentialId: string },
): string {
  const { orgKey, pipelineId, credentialId } = source;
  const hash = createHash("sha256").update([batchRunId, orgKey, pipelineId, credentialId].join("|")).digest();
  const letters = Array.from(hash.subarray(0, 16), (byte) => "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[byte % 32]);
  return `run_${batchRunId.slice(6, 16)}${letters.join("")}`;
}

/** Seconds that an organization of the batch waits before its runs start: spread evenly, always the same. */
export function delayOf({ batchRunId, jitterSeconds }: BatchRunDocument, orgKey: string): number {
  const hash = createHash("sha256").update(`${batchRunId}|${orgKey}`).digest();
  return hash.readUInt32BE(0) % (jitterSeconds + 1);
}
