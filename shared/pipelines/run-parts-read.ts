import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { allDocuments } from "#shared/platform/documents/pages.ts";
import { FailedExpectation, failedExpectation } from "#shared/quarantine/quarantine-answer.ts";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import type { QualityDocument, RunDocument } from "./run.ts";
import { stepStatuses } from "./run.ts";
import type { TransitionDocument } from "./run-history.ts";
import { runPath } from "./run-paths.ts";
import { runWithSteps } from "./runs-read.ts";
import { StepAnswer, stepAnswers } from "./step-answer.ts";

const text = Type.String();
const count = Type.Integer({ minimum: 0 });
const instant = Type.String({ format: "date-time" });

const page = {
  limit: Type.Integer({ minimum: 1, maximum: 500, default: 50 }),
  offset: Type.Integer({ minimum: 0, maximum: 10_000, default: 0 }),
};

export const StepsQuery = strictObject({
  status: Type.Optional(choice(stepStatuses, { alsoAs: ["status_filter"] })),
  ...page,
});
type StepsQuery = Static<typeof StepsQuery>;

export const StepList = strictObject({ steps: Type.Array(StepAnswer), total: count, limit: count, offset: count });
type StepList = Static<typeof StepList>;

/** The steps of a run in their order. Throws `RUN_NOT_FOUND`. */
export async function stepsOf(
  org: OrgIdentity,
  asked: { runId: string; query: StepsQuery },
  documents: Documents,
): Promise<StepList> {
  const { status, limit, offset } = asked.query;
  const { run, steps } = await runWithSteps(org, asked.runId, documents);
  const found = stepAnswers(run, steps).filter((step) => status === undefined || step.status === status);
  return { steps: found.slice(offset, offset + limit), total: found.length, limit, offset };
}

export const TransitionsQuery = strictObject({ entity_type: Type.Optional(choice(["PIPELINE", "STEP"])) });
type TransitionsQuery = Static<typeof TransitionsQuery>;

const TransitionAnswer = strictObject({
  transition_id: text,
  pipeline_logging_id: text,
  step_logging_id: nullable(text),
  entity_type: choice(["PIPELINE", "STEP"]),
  from_state: text,
  to_state: text,
  transition_time: instant,
  reason: nullable(text),
  error_type: nullable(text),
  error_message: nullable(text),
  retry_count: count,
  duration_in_state_ms: nullable(count),
  metadata: strictObject({ entity_name: text }),
});
export type TransitionAnswer = Static<typeof TransitionAnswer>;

export const TransitionList = strictObject({ transitions: Type.Array(TransitionAnswer), total: count });
type TransitionList = Static<typeof TransitionList>;

/** Every move of a run and its steps, in the order they were made. Throws `RUN_NOT_FOUND`. */
export async function transitionsOf(
  org: OrgIdentity,
  asked: { runId: string; query: TransitionsQuery },
  documents: Documents,
): Promise<TransitionList> {
  const { run } = await runWithSteps(org, asked.runId, documents);
  const stored = await allOf<TransitionDocument>(`${runPath(org.key, run.runId)}/transitions`, documents);
  const { entity_type } = asked.query;
  const transitions = stored
    .filter(({ entityType }) => entity_type === undefined || entityType === entity_type)
    .map((transition) => transitionAnswer(run, transition));
  return { transitions, total: transitions.length };
}

function transitionAnswer(run: RunDocument, transition: TransitionDocument): TransitionAnswer {
  return {
    transition_id: transition.transitionId,
    pipeline_logging_id: run.runId,
    step_logging_id: transition.stepLoggingId,
    entity_type: transition.entityType,
    from_state: transition.fromState,
    to_state: transition.toState,
    transition_time: transition.at,
    reason: transition.reason,
    error_type: transition.errorType,
    error_message: transition.errorMessage,
    retry_count: transition.retryCount,
    duration_in_state_ms: transition.durationInStateMs,
    metadata: { entity_name: transition.entityName },
  };
}

const QualityAnswer = strictObject({
  dq_result_id: text,
  target_table: text,
  dq_config_id: text,
  executed_at: instant,
  expectations_passed: count,
  expectations_failed: count,
  failed_expectations: Type.Array(FailedExpectation),
  overall_status: choice(["PASS", "WARN", "FAIL"]),
});
export type QualityAnswer = Static<typeof QualityAnswer>;

export const QualityList = strictObject({ results: Type.Array(QualityAnswer) });
type QualityList = Static<typeof QualityList>;

/** What the checks said of each table of a run. Throws `RUN_NOT_FOUND`. */
export async function qualityOf(org: OrgIdentity, runId: string, documents: Documents): Promise<QualityList> {
  const { run } = await runWithSteps(org, runId, documents);
  const stored = await allOf<QualityDocument>(`${runPath(org.key, run.runId)}/quality`, documents);
  return {
    results: stored.map((quality) => ({
      dq_result_id: quality.resultId,
      target_table: quality.table,
      dq_config_id: quality.configId,
      executed_at: quality.executedAt,
      expectations_passed: quality.passed,
      expectations_failed: quality.failed,
      failed_expectations: quality.failures.map(failedExpectation),
      overall_status: quality.status,
    })),
  };
}

/** All documents of a collection below a run, by path. */
async function allOf<T extends object>(collection: string, documents: Documents): Promise<T[]> {
  return (await allDocuments<T>({ collection }, documents)).map(({ body }) => body);
}
