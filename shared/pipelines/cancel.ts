import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { noMetrics } from "#shared/runtime/metrics.ts";
import { choice, plainText, strictObject } from "#shared/runtime/schema.ts";
import { isHeld } from "./claim.ts";
import { countEnded, writeEnding } from "./finish.ts";
import { isTerminal, type RunDocument, runStatuses } from "./run.ts";
import { isRunId, runPath } from "./run-paths.ts";

export const CancelRequest = strictObject({ reason: Type.Optional(plainText(1, 200)) });

export const CancelAnswer = strictObject({
  run_id: Type.String(),
  pipeline_logging_id: Type.String(),
  previous_status: choice(runStatuses),
  status: choice([...runStatuses, "CANCELLING"]),
  message: Type.String(),
});
export type CancelAnswer = Static<typeof CancelAnswer>;

/**
 * Asks a run to end. Once this is committed nothing of the run is published any more. A run that nobody holds ends at
 * once; a holder notices within 30 s. A run that has ended is answered as it is.
 */
export async function cancelRun(
  asked: { org: OrgIdentity; runId: string; reason: string | undefined },
  effects: Effects<CancelAnswer>,
  metrics = noMetrics,
): Promise<CancelAnswer> {
  const { org, runId } = asked;
  const reason = asked.reason ?? "cancelled on request";
  const place = { orgKey: org.key, runId };
  if (!isRunId(runId)) throw runNotFound();
  const { answer, ended } = await effects.commit(async (change) => {
    const { body: run, readAt } = await change.get<RunDocument>(runPath(org.key, runId));
    if (run === undefined) throw runNotFound();
    await effects.prepare(change);
    const isIdle = run.status === "PENDING" || run.triggerType === "external" || !isHeld(run, readAt);
    let ended: RunDocument | undefined;
    if (!isTerminal(run.status) && isIdle)
      ended = await writeEnding(place, { status: "CANCELLED", reason }, () => true, change);
    else if (!isTerminal(run.status)) {
      change.set<RunDocument>(runPath(org.key, runId), {
        ...run,
        cancel: run.cancel ?? { requestedAt: readAt.toISOString(), reason },
      });
    }
    const status = isTerminal(run.status) ? run.status : isIdle ? "CANCELLED" : "CANCELLING";
    const answer: CancelAnswer = {
      run_id: runId,
      pipeline_logging_id: runId,
      previous_status: run.status,
      status,
      message: messageOf(run, status),
    };
    effects.conclude(change, answer, { resourceId: runId, details: { reason, previous_status: run.status } });
    return { answer, ended };
  });
  if (ended !== undefined) countEnded(ended, metrics);
  return answer;
}

export function runNotFound(): AppError {
  return new AppError("RUN_NOT_FOUND", "There is no such run.");
}

function messageOf(run: RunDocument, status: CancelAnswer["status"]): string {
  if (isTerminal(run.status)) return `The run had ended already: ${run.status}.`;
  return status === "CANCELLED"
    ? "The run is cancelled."
    : "The run stops within 30 s; nothing more of it is published.";
}
