import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { type OrgBatchDocument, orgBatchPath } from "#shared/pipelines/batch-counts.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { choice, nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import { batchRunNotFound, isBatchRunId } from "./batch-run.ts";

const text = Type.String();
const count = Type.Integer({ minimum: 0 });
const instant = Type.String({ format: "date-time" });

const Result = strictObject({
  pipeline_id: text,
  status: choice(["triggered", "duplicate", "failed", "skipped_quota"]),
  run_ids: Type.Array(text),
  error_code: nullable(text),
  error_message: nullable(text),
});

/** What a batch did for one organization: never a word of another. */
export const BatchRun = strictObject({
  batch_run_id: text,
  org_slug: text,
  kind: choice(["run_all", "publish"]),
  status: choice(["RUNNING", "COMPLETED", "PARTIAL", "FAILED"]),
  trigger_type: Type.Literal("batch"),
  trigger_by: text,
  start_time: instant,
  end_time: nullable(instant),
  pipelines_triggered: count,
  pipelines_duplicate: count,
  pipelines_failed: count,
  pipelines_skipped_quota: count,
  runs_completed: count,
  runs_failed: count,
  runs_cancelled: count,
  results: Type.Array(Result),
});
type BatchRun = Static<typeof BatchRun>;

export const BatchRunsQuery = strictObject({
  limit: Type.Integer({ minimum: 1, maximum: 500, default: 50 }),
  cursor: Type.Optional(plainText(1, 1000)),
});
type BatchRunsQuery = Static<typeof BatchRunsQuery>;

export const BatchRunList = strictObject({
  runs: Type.Array(BatchRun),
  total: nullable(Type.Integer({ description: "Null while there are more than this list has come to" })),
  limit: count,
  next_cursor: nullable(text),
});
type BatchRunList = Static<typeof BatchRunList>;

/** The batches that the organization was in, newest first. */
export async function listBatchRuns(
  org: OrgIdentity,
  { limit, cursor }: BatchRunsQuery,
  documents: Documents,
): Promise<BatchRunList> {
  const page = await documents.list<OrgBatchDocument>({
    collection: `orgs/${org.key}/batchRuns`,
    orderBy: [{ field: "createdAt", direction: "desc" }],
    limit,
    cursor,
  });
  const isWhole = cursor === undefined && page.next === undefined;
  return {
    runs: page.documents.map(({ body }) => answerOf(org, body)),
    total: isWhole ? page.documents.length : null,
    limit,
    next_cursor: page.next ?? null,
  };
}

/** One of them. Throws `BATCH_RUN_NOT_FOUND`: the same for a batch without the organization and for none. */
export async function readBatchRun(org: OrgIdentity, batchRunId: string, documents: Documents): Promise<BatchRun> {
  if (!isBatchRunId(batchRunId)) throw batchRunNotFound();
  const { body } = await documents.get<OrgBatchDocument>(orgBatchPath(org.key, batchRunId));
  if (body === undefined) throw batchRunNotFound();
  return answerOf(org, body);
}

function answerOf(org: OrgIdentity, entry: OrgBatchDocument): BatchRun {
  const { counts } = entry;
  return {
    batch_run_id: entry.batchRunId,
    org_slug: org.slug,
    kind: entry.kind,
    status: entry.status,
    trigger_type: "batch",
    trigger_by: entry.triggerBy,
    start_time: entry.startedAt,
    end_time: entry.endedAt,
    pipelines_triggered: counts.triggered,
    pipelines_duplicate: counts.duplicates,
    pipelines_failed: counts.failed,
    pipelines_skipped_quota: counts.skippedQuota,
    runs_completed: counts.runsCompleted,
    runs_failed: counts.runsFailed,
    runs_cancelled: counts.runsCancelled,
    results: entry.results.map(({ pipelineId, status, runIds, error }) => ({
      pipeline_id: pipelineId,
      status,
      run_ids: runIds,
      error_code: error?.code ?? null,
      error_message: error?.message ?? null,
    })),
  };
}
