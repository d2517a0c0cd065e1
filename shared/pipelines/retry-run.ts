import { type Static, Type } from "@sinclair/typebox";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import { type Effects, type HttpRequest, Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { strictObject } from "#shared/runtime/schema.ts";
import { runNotFound } from "./cancel.ts";
import { pipelines } from "./registry.ts";
import { isTerminal, type RunDocument } from "./run.ts";
import { activeRunKey, isRunId, runPath } from "./run-paths.ts";
import { refuseDisabled } from "./run-refusals.ts";
import type { RunAnswer } from "./run-request.ts";
import { reserveRun, runsUnderWay, type Trigger } from "./trigger.ts";

export const RetryAnswer = strictObject({
  success: Type.Boolean(),
  message: Type.String(),
  new_pipeline_logging_id: Type.String(),
  new_run_id: Type.String(),
  original_pipeline_logging_id: Type.String(),
  duplicate: Type.Boolean(),
});
export type RetryAnswer = Static<typeof RetryAnswer>;

/**
 * The same run again, with the configuration of today: its days, credential and parameters. Throws `RUN_NOT_FOUND`,
 * `RUN_NOT_FINISHED`, and what refuses any run.
 */
export async function retryRun(
  request: HttpRequest<{ run: string }, unknown, unknown>,
  effects: Effects<RetryAnswer>,
  ports: ReservePorts,
): Promise<Reply<RetryAnswer>> {
  const run = await endedRun(request, ports);
  const trigger: Trigger = {
    ...(await retryTrigger(run, request, ports)),
    effects: {
      prepare: effects.prepare,
      conclude: (change, answer, details) => effects.conclude(change, replyFor(run, bodyOf(answer)), details),
    },
  };
  const reply = (await runsUnderWay(trigger, effects, ports)) ?? (await reserveRun(trigger, ports));
  return replyFor(run, reply.body);
}

type Asker = Pick<Trigger, "org" | "caller" | "requestId" | "claimedUser" | "traceparent">;

/** The run again as a trigger, with the configuration of today. Throws `PIPELINE_DISABLED`, `PIPELINE_NOT_FOUND`. */
export async function retryTrigger(
  run: RunDocument,
  { org, caller, requestId, claimedUser, traceparent }: Asker,
  ports: Pick<ReservePorts, "ids">,
): Promise<Omit<Trigger, "effects">> {
  const pipeline = (await pipelines()).byAddress(run.pipelineId);
  refuseDisabled(pipeline);
  const { credentialId, range, forceRefresh, dryRun, parameters, priority } = run;
  const activeKey = activeRunKey(run.pipelineId, credentialId, range, dryRun);
  return {
    ...{ org, caller, pipeline, requestId, claimedUser, traceparent },
    ...{ range, forceRefresh, dryRun, parameters, priority },
    runs: [{ runId: ports.ids.newId("run"), credentialId, activeKey: isOfFile(run) ? run.activeKey : activeKey }],
    triggerType: "retry",
    triggerBy: run.runId,
    retryOf: run.runId,
  };
}

/** A file decides which days its run covers: the guard against the same run twice is the file's own. */
function isOfFile(run: RunDocument): boolean {
  return run.triggerType === "import" || run.parameters["import_id"] !== undefined;
}

async function endedRun(
  { org, params }: Pick<HttpRequest<{ run: string }, unknown, unknown>, "org" | "params">,
  ports: ReservePorts,
): Promise<RunDocument> {
  if (!isRunId(params.run)) throw runNotFound();
  const { body: run } = await ports.documents.get<RunDocument>(runPath(org.key, params.run));
  if (run === undefined) throw runNotFound();
  if (!isTerminal(run.status))
    throw new AppError("RUN_NOT_FINISHED", `The run is ${run.status}; it can be retried once it has ended.`);
  return run;
}

function bodyOf(answer: RunAnswer | Reply<RunAnswer>): RunAnswer {
  return answer instanceof Reply ? answer.body : answer;
}

function replyFor(original: RunDocument, { run_id, duplicate }: RunAnswer): Reply<RetryAnswer> {
  return new Reply(duplicate ? 200 : 202, {
    success: true,
    message: duplicate ? "The same run is under way already." : "Accepted; the run starts anew.",
    new_pipeline_logging_id: run_id,
    new_run_id: run_id,
    original_pipeline_logging_id: original.runId,
    duplicate,
  });
}
