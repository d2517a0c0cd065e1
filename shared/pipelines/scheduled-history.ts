import type { Change } from "#shared/runtime/change.ts";
import { isTerminal, maximumRecoveries, type RunDocument } from "./run.ts";

/** The row of `org_scheduled_pipeline_runs` of a run that a schedule made due, as it stands after this change. */
export function recordScheduled(run: RunDocument, version: number, change: Pick<Change, "history">): void {
  if (run.scheduleId === null) return;
  change.history({
    table: "org_scheduled_pipeline_runs",
    operation: version === 1 ? "CREATE" : "UPDATE",
    version,
    row: {
      run_id: run.runId,
      config_id: run.scheduleId,
      org_slug: run.org.slug,
      pipeline_id: run.pipelineId,
      state: run.status,
      scheduled_time: run.scheduledFor ?? run.createdAt,
      priority: run.priority,
      parameters: run.parameters,
      pipeline_logging_id: run.runId,
      retry_count: run.recoveries,
      max_retries: maximumRecoveries,
      completed_at: run.status === "COMPLETED" ? run.endedAt : null,
      failed_at: run.status === "FAILED" ? run.endedAt : null,
      error_message: run.error?.message ?? null,
      created_at: run.createdAt,
    },
  });
}

/** The row of `org_pipeline_execution_queue` of a run that waits for a slot, has got one (`PROCESSING`) or waits no more. */
export function recordQueued(run: RunDocument, version: number, change: Pick<Change, "history" | "now">): void {
  const isIn = run.queueState === "published";
  change.history({
    table: "org_pipeline_execution_queue",
    operation: version === 1 ? "CREATE" : "UPDATE",
    version,
    row: {
      run_id: run.runId,
      org_slug: run.org.slug,
      pipeline_id: run.pipelineId,
      state: isIn ? "PROCESSING" : isTerminal(run.status) ? run.status : "QUEUED",
      scheduled_time: run.scheduledFor ?? run.createdAt,
      priority: run.priority,
      added_at: run.createdAt,
      processing_started_at: isIn ? change.now.toISOString() : null,
      created_at: run.createdAt,
    },
  });
}
