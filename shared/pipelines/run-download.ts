import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { Reply } from "#shared/runtime/declaration.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";
import { csvText } from "./csv-text.ts";
import type { RunDetail } from "./run-answer.ts";
import { type QualityAnswer, qualityOf, type TransitionAnswer, transitionsOf } from "./run-parts-read.ts";
import { runOf } from "./runs-read.ts";

export const DownloadQuery = strictObject({ format: choice(["json", "csv"], { default: "json" }) });
type DownloadQuery = Static<typeof DownloadQuery>;

export const Download = Type.Unsafe<string>(
  Type.Any({ description: "The run with its steps, transitions and checks, as an attachment; csv as text/csv" }),
);

/** Everything that is kept of a run, as a file. Throws `RUN_NOT_FOUND`. */
export async function downloadRun(
  org: OrgIdentity,
  { runId, query }: { runId: string; query: DownloadQuery },
  documents: Documents,
): Promise<Reply<string>> {
  const [run, { transitions }, { results }] = await Promise.all([
    runOf(org, runId, documents),
    transitionsOf(org, { runId, query: {} }, documents),
    qualityOf(org, runId, documents),
  ]);
  const isCsv = query.format === "csv";
  const text = isCsv
    ? csvText(tableOf(run, transitions, results))
    : JSON.stringify({ run, transitions, quality: results }, null, 2);
  return new Reply(200, text, {
    "content-type": isCsv ? "text/csv; charset=utf-8" : "application/json; charset=utf-8",
    "content-disposition": `attachment; filename="pipeline_run_${run.run_id}.${query.format}"`,
  });
}

type Line = (string | number | null)[];

const header = [
  "section",
  "id",
  "name",
  "status",
  "from_state",
  "started_at",
  "ended_at",
  "duration_ms",
  "attempts",
  "rows",
  "message",
];

/** One table for all of it: what a column does not apply to is empty. */
function tableOf(run: RunDetail, transitions: readonly TransitionAnswer[], quality: readonly QualityAnswer[]): Line[] {
  const { run_id, pipeline_id, status, start_time, end_time, duration_ms, run_metadata, result, error_message } = run;
  const { claims } = run_metadata;
  return [
    header,
    [
      "run",
      run_id,
      pipeline_id,
      status,
      null,
      start_time,
      end_time,
      duration_ms,
      claims,
      result?.rows ?? null,
      error_message,
    ],
    ...run.steps.map((step): Line => {
      const { step_logging_id, step_name, attempts, rows_processed } = step;
      const times = [step.start_time, step.end_time, step.duration_ms];
      return [
        "step",
        step_logging_id,
        step_name,
        step.status,
        null,
        ...times,
        attempts,
        rows_processed,
        step.error_message,
      ];
    }),
    ...transitions.map((transition): Line => {
      const { transition_id, metadata, to_state, from_state, transition_time, duration_in_state_ms, retry_count } =
        transition;
      const message = transition.error_message ?? transition.reason;
      const name = metadata.entity_name;
      return [
        "transition",
        transition_id,
        name,
        to_state,
        from_state,
        transition_time,
        null,
        duration_in_state_ms,
        retry_count,
        null,
        message,
      ];
    }),
    ...quality.map((result): Line => {
      const { dq_result_id, target_table, overall_status, executed_at, failed_expectations } = result;
      const failed = failed_expectations.map(
        ({ id, day, observed, bound }) => `${id} ${day ?? "run"}: ${observed} (${bound})`,
      );
      return [
        "quality",
        dq_result_id,
        target_table,
        overall_status,
        null,
        executed_at,
        null,
        null,
        null,
        null,
        failed.join("; "),
      ];
    }),
  ];
}
