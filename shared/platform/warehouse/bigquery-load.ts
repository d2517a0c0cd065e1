import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { BigQuery } from "@google-cloud/bigquery";
import { AppError } from "#shared/runtime/errors.ts";
import { inPortTerms, isAmbiguous, isPassing, orMissing, portError, statusOf } from "./bigquery-errors.ts";
import { fieldsOf } from "./bigquery-schema.ts";
import { ndjsonOf } from "./ndjson.ts";
import type { Batch } from "./warehouse.ts";
import { conflict, refused, unavailable } from "./warehouse-errors.ts";

/** How a load job is followed. Times in milliseconds. */
export interface LoadPace {
  firstPoll: number;
  longestPoll: number;
  /** Pause before the next job id after a passing failure. */
  pause: number;
  /** Then the caller comes back later and finds the same job. */
  giveUp: number;
}

/** Where and how one batch is loaded. */
interface LoadTarget {
  bigquery: BigQuery;
  projectId: string;
  location: string;
  pace: LoadPace;
}

interface JobResource {
  status?: { state?: string; errorResult?: { reason?: string; message?: string } };
  configuration?: { labels?: Record<string, string>; load?: { destinationTable?: Record<string, string> } };
}

const MOST_JOBS = 5;
const HASH_LABEL = "ca_content";

/**
 * Loads the batch exactly once. The job id is `<batch>-a<n>`: BigQuery runs an id at most once, so a repeat asks for
 * the same job, and n grows only after the failure of the job before was read. Source: pipelines.md section 7.4.
 * Errors: `BATCH_CONFLICT`, `BATCH_REFUSED`, `WAREHOUSE_UNAVAILABLE` (retryable), `WAREHOUSE_LOAD_REJECTED` when the
 * five jobs of the batch have failed.
 */
export async function loadOnce(target: LoadTarget, batch: Batch): Promise<void> {
  const lines = await ndjsonOf(batch.rows, batch.table);
  for (let n = 1; n <= MOST_JOBS; n += 1) {
    const jobId = `${batch.batchId}-a${n}`;
    const { job, isOwn } = await startedJob(target, batch, { jobId, lines });
    const done = job.status?.state === "DONE" ? job : await finishedJob(target, jobId);
    const failure = done.status?.errorResult;
    if (!failure) return checkSame(done, batch);
    if (failure.reason === "quotaExceeded" && isOwn) throw unavailable(`load job ${jobId}: ${failure.message}`);
    if (isOwn && !isPassing(failure.reason)) throw refused(`load job ${jobId} failed: ${failure.message}`);
    if (isOwn) await delay(target.pace.pause * n);
  }
  throw new AppError("WAREHOUSE_LOAD_REJECTED", `the ${MOST_JOBS} load jobs of ${batch.batchId} have failed`);
}

/** The job under that id, started now or before; a lost answer is looked up, never sent again under another id. */
async function startedJob(
  target: LoadTarget,
  batch: Batch,
  load: { jobId: string; lines: Buffer[] },
): Promise<{ job: JobResource; isOwn: boolean }> {
  try {
    return { job: await insertJob(target, batch, load), isOwn: true };
  } catch (error) {
    if (statusOf(error) === 409) return { job: await finishedJob(target, load.jobId), isOwn: false };
    if (!isAmbiguous(error)) throw portError("start a load job", error);
    const job = await inPortTerms("tell of a load job", () => orMissing(() => readJob(target, load.jobId)));
    if (!job) throw portError("start a load job", error);
    return { job, isOwn: true };
  }
}

async function finishedJob(target: LoadTarget, jobId: string): Promise<JobResource> {
  const { firstPoll, longestPoll, giveUp } = target.pace;
  const start = performance.now();
  for (let wait = firstPoll; performance.now() - start < giveUp; wait = Math.min(wait * 1.5, longestPoll)) {
    const job = await inPortTerms("tell of a load job", () => readJob(target, jobId));
    if (job.status?.state === "DONE") return job;
    await delay(wait);
  }
  throw unavailable(`load job ${jobId} is still running`);
}

async function readJob({ bigquery, projectId, location }: LoadTarget, jobId: string): Promise<JobResource> {
  const [job] = await bigquery.job(jobId, { location, projectId }).getMetadata();
  return job as JobResource;
}

/** The client's own upload leaves no place for labels, so the multipart request is made here. */
function insertJob(
  target: LoadTarget,
  batch: Batch,
  { jobId, lines }: { jobId: string; lines: Buffer[] },
): Promise<JobResource> {
  const { bigquery, projectId, location } = target;
  const job = { jobReference: { projectId, jobId, location }, configuration: configurationOf(projectId, batch) };
  // Named apart because the client's types leave out the header that its multipart body needs.
  const multipart = [
    { "Content-Type": "application/json; charset=UTF-8", body: JSON.stringify(job) },
    { "Content-Type": "application/octet-stream", body: Readable.from(lines) },
  ];
  return new Promise((resolve, reject) => {
    bigquery.request(
      {
        method: "POST",
        uri: `${bigquery.apiEndpoint}/upload/bigquery/v2/projects/${projectId}/jobs`,
        qs: { uploadType: "multipart" },
        maxRetries: 0,
        multipart,
      },
      (error, body: JobResource) => (error ? reject(error) : resolve(body)),
    );
  });
}

/** A newer definition may add columns that may be null; nothing else of the table changes. */
function configurationOf(projectId: string, batch: Batch): Record<string, unknown> {
  return {
    labels: { [HASH_LABEL]: labelOf(batch) },
    load: {
      destinationTable: destinationOf(projectId, batch),
      schema: { fields: fieldsOf(batch.table) },
      sourceFormat: "NEWLINE_DELIMITED_JSON",
      createDisposition: "CREATE_NEVER",
      writeDisposition: "WRITE_APPEND",
      schemaUpdateOptions: ["ALLOW_FIELD_ADDITION"],
      maxBadRecords: 0,
      ignoreUnknownValues: false,
    },
  };
}

function checkSame(job: JobResource, batch: Batch): void {
  const destination = job.configuration?.load?.destinationTable;
  const isSameTable = destination?.["datasetId"] === batch.datasetId && destination["tableId"] === batch.table.name;
  if (!isSameTable || job.configuration?.labels?.[HASH_LABEL] !== labelOf(batch)) throw conflict(batch.batchId);
}

function destinationOf(projectId: string, batch: Batch): Record<string, string> {
  return { projectId, datasetId: batch.datasetId, tableId: batch.table.name };
}

/** 40 of the 64 hex digits: a label holds 63 characters. */
function labelOf(batch: Batch): string {
  return batch.contentHash.slice(0, 40);
}
