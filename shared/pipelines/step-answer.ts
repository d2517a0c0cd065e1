import { type Static, Type } from "@sinclair/typebox";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import { isTerminal, type RunDocument, type RunError, type StepDocument, stepStatuses } from "./run.ts";

const text = Type.String();
const instant = Type.String({ format: "date-time" });
const count = Type.Integer({ minimum: 0 });

export const ErrorContext = strictObject({
  error_type: text,
  error_code: text,
  fault: text,
  is_retryable: Type.Boolean(),
  retry_count: count,
  retry_after_seconds: nullable(Type.Number()),
  provider_status: nullable(Type.Integer()),
  step_id: nullable(text),
  suggested_action: text,
});

export const StepAnswer = strictObject({
  step_logging_id: text,
  step_name: text,
  step_type: text,
  step_index: count,
  status: choice(stepStatuses),
  attempts: count,
  start_time: nullable(instant),
  end_time: nullable(instant),
  duration_ms: nullable(count),
  rows_processed: count,
  provider_calls: count,
  error_message: nullable(text),
  error_context: nullable(ErrorContext),
  metadata: strictObject({ worked_ms: count, batches: count, warnings: Type.Array(text) }),
});
export type StepAnswer = Static<typeof StepAnswer>;

/** All steps of a run in their order; one that has not begun is PENDING, and SKIPPED once the run is over. */
export function stepAnswers(run: RunDocument, stored: readonly StepDocument[]): StepAnswer[] {
  const byIndex = new Map(stored.map((step) => [step.index, step]));
  return run.config.steps.map(({ id, processor }, index) => {
    const step = byIndex.get(index);
    return step === undefined ? notBegun(run, { id, processor, index }) : stepAnswer(step);
  });
}

function notBegun(
  run: RunDocument,
  { id, processor, index }: { id: string; processor: string; index: number },
): StepAnswer {
  return {
    step_logging_id: `${run.runId}-${id}`,
    step_name: id,
    step_type: processor,
    step_index: index,
    status: isTerminal(run.status) ? "SKIPPED" : "PENDING",
    attempts: 0,
    start_time: null,
    end_time: null,
    duration_ms: null,
    rows_processed: 0,
    provider_calls: 0,
    error_message: null,
    error_context: null,
    metadata: { worked_ms: 0, batches: 0, warnings: [] },
  };
}

function stepAnswer(step: StepDocument): StepAnswer {
  return {
    step_logging_id: step.stepLoggingId,
    step_name: step.stepId,
    step_type: step.processor,
    step_index: step.index,
    status: step.status,
    attempts: step.attempts,
    start_time: step.startedAt,
    end_time: step.endedAt,
    duration_ms: duration(step.startedAt, step.endedAt),
    rows_processed: step.rows,
    provider_calls: step.providerCalls,
    error_message: step.error?.message ?? null,
    error_context: errorContext(step.error),
    metadata: { worked_ms: step.workedMs, batches: step.parts.length, warnings: step.warnings },
  };
}

export function errorContext(error: RunError | null): Static<typeof ErrorContext> | null {
  if (error === null) return null;
  return {
    error_type: error.type,
    error_code: error.code,
    fault: error.fault,
    is_retryable: error.isRetryable,
    retry_count: error.retryCount,
    retry_after_seconds: error.retryAfterSeconds,
    provider_status: error.providerStatus,
    step_id: error.stepId,
    suggested_action: error.suggestedAction,
  };
}

export function duration(start: string | null, end: string | null): number | null {
  return start === null || end === null ? null : Math.max(0, Date.parse(end) - Date.parse(start));
}
