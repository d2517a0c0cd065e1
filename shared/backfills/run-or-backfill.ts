import { daysOf } from "#shared/pipelines/range.ts";
import { addressedPipeline, runAddressed } from "#shared/pipelines/run-endpoint.ts";
import { combined, type RunAnswer, type RunQuery, type RunRequest } from "#shared/pipelines/run-request.ts";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import { type Effects, type HttpRequest, Reply } from "#shared/runtime/declaration.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import type { BackfillDocument } from "./backfill.ts";
import { createBackfill } from "./new-backfill.ts";
import { backfillOrder } from "./request-backfill.ts";

/** Starts a run of the pipeline that the words name; more than 31 days become a backfill, answered with its first run. */
export async function runOrBackfill(
  words: readonly string[],
  request: HttpRequest<unknown, RunQuery, RunRequest>,
  effects: Effects<RunAnswer>,
  ports: ReservePorts,
): Promise<Reply<RunAnswer>> {
  try {
    return await runAddressed(words, request, effects, ports);
  } catch (error) {
    const asked = combined(request.query, request.body);
    if (!isAppError(error, "RANGE_TOO_LONG") || asked.dry_run === true || asked.start_date === undefined) throw error;
    return startBackfill(words, { ...asked, start_date: asked.start_date }, { request, effects }, ports);
  }
}

async function startBackfill(
  words: readonly string[],
  asked: RunRequest & { start_date: string },
  by: { request: HttpRequest<unknown, RunQuery, RunRequest>; effects: Effects<RunAnswer> },
  ports: ReservePorts,
): Promise<Reply<RunAnswer>> {
  const { request, effects } = by;
  const pipeline = await addressedPipeline(words);
  const order = await backfillOrder({ ...request, pipeline, request: asked }, ports);
  let reply: Reply<RunAnswer> | undefined;
  await createBackfill(
    order,
    {
      prepare: (change) => effects.prepare(change),
      conclude: ({ backfill, run }, change) => {
        reply = new Reply(202, answerOf(backfill, run, request.requestId));
        effects.conclude(change, reply, {
          action: "backfill.created",
          resourceId: backfill.backfillId,
          details: { pipeline_id: backfill.pipelineId, range: backfill.range },
        });
      },
    },
    ports,
  );
  if (reply === undefined) throw new Error("a backfill was made without a conclusion");
  return reply;
}

function answerOf(backfill: BackfillDocument, run: RunAnswer["runs"][number], requestId: string): RunAnswer {
  const { backfillId, pipelineId, org, range, chunks } = backfill;
  return {
    run_id: run.run_id,
    pipeline_logging_id: run.run_id,
    pipeline_id: pipelineId,
    org_slug: org.slug,
    status: run.status,
    message: `Accepted as a backfill of ${chunks.length} months, the newest first; watch GET /api/v1/pipelines/${org.slug}/backfills/${backfillId}.`,
    duplicate: false,
    range: { start_date: range.start, end_date: range.end, days: daysOf(range).length },
    queue_state: run.queue_state,
    backfill_id: backfillId,
    runs: [run],
    request_id: requestId,
  };
}
