import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import { daysOf } from "./range.ts";
import { type RunDocument, type RunError, runStatuses, type StepDocument } from "./run.ts";

const text = Type.String();
const instant = Type.String({ format: "date-time" });
const count = Type.Integer({ minimum: 0 });
const days = Type.Array(text);

const ErrorContext = strictObject({
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

const MoneyTotals = Type.Record(text, strictObject({ billed: text, effective: text }));

const runFields = {
  run_id: text,
  pipeline_logging_id: text,
  pipeline_id: text,
  org_slug: text,
  provider: text,
  domain: text,
  pipeline: text,
  credential_id: text,
  status: choice(runStatuses),
  trigger_type: text,
  trigger_by: text,
  actor: text,
  start_time: nullable(instant),
  end_time: nullable(instant),
  created_at: instant,
  duration_ms: nullable(count),
  run_date: text,
  range: strictObject({ start_date: text, end_date: text, days: count }),
  error_message: nullable(text),
  error_context: nullable(ErrorContext),
  run_metadata: strictObject({
    config_version: text,
    config_digest: text,
    fence: count,
    claims: count,
    recoveries: count,
  }),
  progress: strictObject({ steps_done: count, steps_total: count, percent: count }),
  warnings: Type.Array(text),
  result: nullable(
    strictObject({
      rows: count,
      batches: count,
      published_days: days,
      unchanged_days: days,
      restated_days: days,
      superseded_days: days,
      totals: MoneyTotals,
    }),
  ),
};

export const RunSummary = strictObject(runFields);
export type RunSummary = Static<typeof RunSummary>;

const StepAnswer = strictObject({
  step_logging_id: text,
  step_name: text,
  step_type: text,
  step_index: count,
  status: choice(["PENDING", "RUNNING", "WAITING", "COMPLETED", "FAILED", "CANCELLED", "SKIPPED"]),
  attempts: count,
  start_time: nullable(instant),
  end_time: nullable(instant),
  duration_ms: nullable(count),
  rows_processed: count,
  provider_calls: count,
  error_message: nullable(text),
  error_context: nullable(ErrorContext),
});
type StepAnswer = Static<typeof StepAnswer>;

const Finding = strictObject({ code: text, path: text, count, first: text });

export const RunDetail = strictObject({
  ...runFields,
  findings: Type.Array(Finding),
  steps: Type.Array(StepAnswer),
} satisfies Record<string, TSchema>);
export type RunDetail = Static<typeof RunDetail>;

/** A run as it is answered (`pipelines.md` 4). */
export function runSummary(run: RunDocument): RunSummary {
  const stepsTotal = run.config.steps.length;
  return {
    run_id: run.runId,
    pipeline_logging_id: run.runId,
    pipeline_id: run.pipelineId,
    org_slug: run.org.slug,
    provider: run.provider,
    domain: run.domain,
    pipeline: run.pipeline,
    credential_id: run.credentialId,
    status: run.status,
    trigger_type: run.triggerType,
    trigger_by: run.triggerBy,
    actor: run.actor,
    start_time: run.startedAt,
    end_time: run.endedAt,
    created_at: run.createdAt,
    duration_ms: duration(run.startedAt, run.endedAt),
    run_date: run.range.end,
    range: { start_date: run.range.start, end_date: run.range.end, days: daysOf(run.range).length },
    error_message: run.error?.message ?? null,
    error_context: errorContext(run.error),
    run_metadata: {
      config_version: run.config.version,
      config_digest: run.configDigest,
      fence: run.fence,
      claims: run.claims,
      recoveries: run.recoveries,
    },
    progress: { steps_done: run.stepsDone, steps_total: stepsTotal, percent: percentDone(run, stepsTotal) },
    warnings: run.warnings,
    result: resultAnswer(run),
  };
}

export function runDetail(run: RunDocument, steps: readonly StepDocument[]): RunDetail {
  return { ...runSummary(run), findings: run.findings, steps: steps.map(stepAnswer) };
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
  };
}

function resultAnswer({ result }: RunDocument): RunSummary["result"] {
  if (result === null) return null;
  return {
    rows: result.rows,
    batches: result.batches,
    published_days: result.publishedDays,
    unchanged_days: result.unchangedDays,
    restated_days: result.restatedDays,
    superseded_days: result.supersededDays,
    totals: Object.fromEntries(
      Object.entries(result.totals).map(([currency, [billed, effective]]) => [currency, { billed, effective }]),
    ),
  };
}

function errorContext(error: RunError | null): Static<typeof ErrorContext> | null {
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

function duration(start: string | null, end: string | null): number | null {
  return start === null || end === null ? null : Math.max(0, Date.parse(end) - Date.parse(start));
}

function percentDone(run: RunDocument, stepsTotal: number): number {
  if (run.status === "COMPLETED") return 100;
  return Math.floor((Math.min(run.stepsDone, stepsTotal) * 100) / (stepsTotal + 1));
}
