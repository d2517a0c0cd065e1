import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import { daysOf } from "./range.ts";
import { type RunDocument, runStatuses, type StepDocument } from "./run.ts";
import { duration, ErrorContext, errorContext, StepAnswer, stepAnswers } from "./step-answer.ts";

const text = Type.String();
const instant = Type.String({ format: "date-time" });
const count = Type.Integer({ minimum: 0 });
const days = Type.Array(text);

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
  dry_run: Type.Boolean(),
  retry_of: nullable(text),
  backfill_id: nullable(text),
  batch_run_id: nullable(text),
  schedule_id: nullable(text),
  priority: count,
  queue_state: choice(["published", "waiting_slot"]),
  parameters: Type.Record(text, Type.Union([text, Type.Number(), Type.Boolean()])),
  error_message: nullable(text),
  error_context: nullable(ErrorContext),
  run_metadata: strictObject({
    config_version: text,
    config_digest: text,
    fence: count,
    claims: count,
    continuations: count,
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
      held_days: days,
      quarantined_days: days,
      superseded_days: days,
      reprice_suggested: Type.Array(text, {
        description: "Days this run did not move and a repricing would: their prices count what its days use",
      }),
      totals: MoneyTotals,
      preview: Type.Optional(
        Type.Array(
          strictObject({
            day: text,
            currency: text,
            current_total: nullable(text),
            new_total: text,
            change: text,
          }),
        ),
      ),
    }),
  ),
};

export const RunSummary = strictObject(runFields);
export type RunSummary = Static<typeof RunSummary>;

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
    dry_run: run.dryRun,
    retry_of: run.retryOf,
    backfill_id: run.backfillId,
    batch_run_id: run.batchRunId,
    schedule_id: run.scheduleId,
    priority: run.priority,
    queue_state: run.queueState,
    parameters: run.parameters,
    error_message: run.error?.message ?? null,
    error_context: errorContext(run.error),
    run_metadata: {
      config_version: run.config.version,
      config_digest: run.configDigest,
      fence: run.fence,
      claims: run.claims,
      continuations: run.continuations,
      recoveries: run.recoveries,
    },
    progress: { steps_done: run.stepsDone, steps_total: stepsTotal, percent: percentDone(run, stepsTotal) },
    warnings: run.warnings,
    result: resultAnswer(run),
  };
}

export function runDetail(run: RunDocument, steps: readonly StepDocument[]): RunDetail {
  return { ...runSummary(run), findings: run.findings, steps: stepAnswers(run, steps) };
}

function resultAnswer({ result }: RunDocument): RunSummary["result"] {
  if (result === null) return null;
  return {
    rows: result.rows,
    batches: result.batches,
    published_days: result.publishedDays,
    unchanged_days: result.unchangedDays,
    restated_days: result.restatedDays,
    held_days: result.heldDays,
    quarantined_days: result.quarantinedDays,
    superseded_days: result.supersededDays,
    reprice_suggested: result.repriceSuggested ?? [],
    totals: Object.fromEntries(
      Object.entries(result.totals).map(([currency, [billed, effective]]) => [currency, { billed, effective }]),
    ),
    ...(result.preview === undefined
      ? {}
      : {
          preview: result.preview.map(({ day, currency, currentTotal, newTotal, change }) => ({
            day,
            currency,
            current_total: currentTotal,
            new_total: newTotal,
            change,
          })),
        }),
  };
}

function percentDone(run: RunDocument, stepsTotal: number): number {
  if (run.status === "COMPLETED") return 100;
  return Math.floor((Math.min(run.stepsDone, stepsTotal) * 100) / (stepsTotal + 1));
}
