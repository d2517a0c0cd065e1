import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { OrgBatchDocument } from "./batch-counts.ts";

/**
 * The row of `org_meta_pipeline_runs` of an organization's part of a batch, as it stands after this change: an organization
 * is told of its own part alone, in the history too. `version` is the part's after the change.
 */
export function recordBatch(
  entry: OrgBatchDocument,
  org: OrgIdentity,
  version: number,
  change: Pick<Change, "history">,
): void {
  const { batchRunId, kind, status, startedAt, endedAt } = entry;
  change.history({
    table: "org_meta_pipeline_runs",
    operation: version === 1 ? "CREATE" : "UPDATE",
    version,
    row: {
      pipeline_logging_id: `${batchRunId}-${org.key}`,
      org_slug: org.slug,
      pipeline_id: kind === "publish" ? (entry.results[0]?.pipelineId ?? kind) : kind,
      status,
      trigger_type: "batch",
      trigger_by: entry.triggerBy,
      start_time: startedAt,
      end_time: endedAt,
      duration_ms: endedAt === null ? null : Date.parse(endedAt) - Date.parse(startedAt),
      run_metadata: { batch_run_id: batchRunId, ...entry.counts },
      created_at: startedAt,
    },
  });
}
