import type { Change } from "#shared/runtime/change.ts";
import type { QualityDocument, RunDocument, RunStatus, StepDocument, StepStatus } from "./run.ts";
import { transitionPath } from "./run-paths.ts";
import { recordScheduled } from "./scheduled-history.ts";

/** One move of a run or a step, kept beside the run and in the history. */
export interface TransitionDocument {
  transitionId: string;
  entityType: "PIPELINE" | "STEP";
  stepLoggingId: string | null;
  entityName: string;
  fromState: string;
  toState: string;
  at: string;
  reason: string | null;
  errorType: string | null;
  errorMessage: string | null;
  retryCount: number;
  durationInStateMs: number | null;
}

interface Move {
  from: RunStatus | StepStatus | "NEW";
  to: RunStatus | StepStatus;
  reason: string | null;
  step?: StepDocument;
}

/** Writes a transition of the run (or one of its steps) and returns the run with its count. The number makes the id, so a body that runs again writes the same. */
export function withTransition(run: RunDocument, move: Move, change: Change): RunDocument {
  const number = run.transitions + 1;
  const now = change.now.toISOString();
  const error = move.step?.error ?? run.error;
  const transition: TransitionDocument = {
    transitionId: `${run.runId}-${String(number).padStart(6, "0")}`,
    entityType: move.step === undefined ? "PIPELINE" : "STEP",
    stepLoggingId: move.step?.stepLoggingId ?? null,
    entityName: move.step?.stepId ?? run.pipelineId,
    fromState: move.from,
    toState: move.to,
    at: now,
    reason: move.reason,
    errorType: move.to === "FAILED" ? (error?.type ?? null) : null,
    errorMessage: move.to === "FAILED" ? (error?.message ?? null) : null,
    retryCount: move.step?.attempts ?? run.claims,
    durationInStateMs: move.step === undefined ? Math.max(0, Date.parse(now) - Date.parse(run.stateSince)) : null,
  };
  change.create(transitionPath(run.org.key, run.runId, number), transition);
  change.history({
    table: "org_meta_state_transitions",
    operation: "CREATE",
    version: 1,
    row: transitionRow(run, transition),
  });
  return { ...run, transitions: number, stateSince: move.step === undefined ? now : run.stateSince };
}

/** The run's row of `org_meta_pipeline_runs` as it stands after this change. */
export function recordRun(run: RunDocument, version: number, change: Pick<Change, "history">): void {
  recordScheduled(run, version, change);
  const end = run.endedAt === null ? null : Date.parse(run.endedAt);
  change.history({
    table: "org_meta_pipeline_runs",
    operation: version === 1 ? "CREATE" : "UPDATE",
    version,
    row: {
      pipeline_logging_id: run.runId,
      org_slug: run.org.slug,
      pipeline_id: run.pipelineId,
      provider: run.provider,
      status: run.status,
      trigger_type: run.triggerType,
      trigger_by: run.triggerBy,
      user_id: null,
      org_api_key_id: run.actor.startsWith("key_") ? run.actor : null,
      credential_id: run.credentialId,
      start_time: run.startedAt ?? run.createdAt,
      end_time: run.endedAt,
      duration_ms: end === null ? null : end - Date.parse(run.startedAt ?? run.createdAt),
      run_date: run.range.end,
      range_start: run.range.start,
      range_end: run.range.end,
      attempt: run.claims,
      fence: run.fence,
      rows_written: run.result?.rows ?? null,
      parameters: null,
      run_metadata: { config_version: run.config.version, config_digest: run.configDigest, recoveries: run.recoveries },
      error_code: run.error?.code ?? null,
      error_message: run.error?.message ?? null,
      error_context: run.error,
      created_at: run.createdAt,
    },
  });
}

/** The step's row of `org_meta_step_logs`. */
export function recordStep(
  run: RunDocument,
  step: StepDocument,
  version: number,
  change: Pick<Change, "history" | "now">,
): void {
  const isOver = step.startedAt !== null && step.endedAt !== null;
  change.history({
    table: "org_meta_step_logs",
    operation: version === 1 ? "CREATE" : "UPDATE",
    version,
    row: {
      step_logging_id: step.stepLoggingId,
      org_slug: run.org.slug,
      pipeline_logging_id: run.runId,
      step_name: step.stepId,
      step_type: step.processor,
      step_index: step.index,
      status: step.status,
      start_time: step.startedAt ?? change.now.toISOString(),
      end_time: step.endedAt,
      duration_ms: isOver ? Date.parse(step.endedAt ?? "") - Date.parse(step.startedAt ?? "") : null,
      rows_processed: step.rows,
      bytes_processed: null,
      error_message: step.error?.message ?? null,
      error_context: step.error,
      metadata: { attempts: step.attempts, provider_calls: step.providerCalls },
      created_at: change.now.toISOString(),
    },
  });
}

/** A JSON column holds 64 KiB; the document keeps all. */
const keptFailures = 40;

/** The row of `org_meta_dq_results` for the checks of one table. */
export function recordQuality(run: RunDocument, quality: QualityDocument, change: Change): void {
  change.history({
    table: "org_meta_dq_results",
    operation: "CREATE",
    version: 1,
    row: {
      dq_result_id: quality.resultId,
      pipeline_logging_id: run.runId,
      org_slug: run.org.slug,
      target_table: quality.table,
      dq_config_id: quality.configId,
      executed_at: quality.executedAt,
      expectations_passed: quality.passed,
      expectations_failed: quality.failed,
      failed_expectations: quality.failures.slice(0, keptFailures),
      overall_status: quality.status,
      ingestion_date: quality.executedAt.slice(0, 10),
      created_at: quality.executedAt,
    },
  });
}

function transitionRow(run: RunDocument, transition: TransitionDocument): Record<string, unknown> {
  return {
    transition_id: transition.transitionId,
    org_slug: run.org.slug,
    pipeline_logging_id: run.runId,
    step_logging_id: transition.stepLoggingId,
    entity_type: transition.entityType,
    entity_name: transition.entityName,
    from_state: transition.fromState,
    to_state: transition.toState,
    transition_time: transition.at,
    reason: transition.reason,
    error_type: transition.errorType,
    error_message: transition.errorMessage,
    retry_count: transition.retryCount,
    duration_in_state_ms: transition.durationInStateMs,
    trigger_type: run.triggerType,
    metadata: null,
    transition_date: transition.at.slice(0, 10),
    created_at: transition.at,
  };
}
