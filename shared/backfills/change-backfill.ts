import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { advanceBackfillMessage } from "#shared/pipelines/backfill-message.ts";
import { type CancelAnswer, cancelRun } from "#shared/pipelines/cancel.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, strictObject } from "#shared/runtime/schema.ts";
import { type BackfillDocument, type BackfillState, backfillStates, chunkInFlight } from "./backfill.ts";
import { backfillPath, backfillTimerPath, storedBackfill, wakeAt, watchMilliseconds } from "./backfill-store.ts";
import type { Chunk } from "./chunks.ts";

export const BackfillChange = strictObject({
  backfill_id: Type.String(),
  previous_state: choice(backfillStates),
  state: choice(backfillStates),
  message: Type.String(),
});
export type BackfillChange = Static<typeof BackfillChange>;

interface Asked {
  org: OrgIdentity;
  backfillId: string;
}

/** Starts no further chunk; the one in flight finishes. Throws `BACKFILL_NOT_FOUND`, `WRONG_STATE`. */
export async function pauseBackfill(asked: Asked, change: Change): Promise<BackfillChange> {
  const { body } = await storedBackfill(asked.org, asked.backfillId, change);
  refuseOther(body, ["ACTIVE", "WAITING"], "paused");
  const next: BackfillDocument = { ...body, state: "PAUSED", pausedReason: "asked", waitingFor: null };
  change.set<BackfillDocument>(backfillPath(asked.org.key, asked.backfillId), next);
  return answerOf(body, next, "No further chunk is started; the one in flight finishes.");
}

/** Goes on where it stood, and tries the chunks again that were given up. Throws `BACKFILL_NOT_FOUND`, `WRONG_STATE`. */
export async function resumeBackfill(asked: Asked, change: Change): Promise<BackfillChange> {
  const { body } = await storedBackfill(asked.org, asked.backfillId, change);
  refuseOther(body, ["PAUSED"], "resumed");
  await change.get(backfillTimerPath(asked.org.key, asked.backfillId));
  const chunks = body.chunks.map(
    (chunk): Chunk => (chunk.state === "FAILED" ? { ...chunk, state: "PENDING", attempts: 0, retryAt: null } : chunk),
  );
  const next: BackfillDocument = { ...body, state: "ACTIVE", pausedReason: null, failedInRow: 0, chunks };
  change.set<BackfillDocument>(backfillPath(asked.org.key, asked.backfillId), next);
  wakeAt(next, new Date(change.now.getTime() + watchMilliseconds).toISOString(), change);
  change.publish(advanceBackfillMessage(asked.org.key, asked.backfillId), asked.org);
  return answerOf(body, next, "It goes on, failed chunks included.");
}

/** Ends it with the chunk in flight; what is published stays. Throws `BACKFILL_NOT_FOUND`, `WRONG_STATE`. */
export async function cancelBackfill(asked: Asked, change: Change): Promise<BackfillChange> {
  const { body } = await storedBackfill(asked.org, asked.backfillId, change);
  refuseOther(body, ["ACTIVE", "WAITING", "PAUSED"], "cancelled");
  const flight = chunkInFlight(body);
  if (flight !== undefined)
    await cancelRun({ org: asked.org, runId: flight.runId, reason: "backfill cancelled" }, within(change));
  const now = change.now.toISOString();
  const next: BackfillDocument = { ...body, state: "CANCELLED", open: false, waitingFor: null, endedAt: now };
  change.set<BackfillDocument>(backfillPath(asked.org.key, asked.backfillId), next);
  change.delete(backfillTimerPath(asked.org.key, asked.backfillId));
  return answerOf(body, next, "It is cancelled; what was published stays.");
}

/** The run's end as a part of this transaction, without an audit row of its own. */
function within(change: Change): Effects<CancelAnswer> {
  return { commit: (body) => body(change), prepare: async () => {}, conclude: () => {}, audit: () => {} };
}

function refuseOther({ state }: BackfillDocument, from: readonly BackfillState[], done: string): void {
  if (from.includes(state)) return;
  throw new AppError("WRONG_STATE", `The backfill is ${state}; it cannot be ${done}.`);
}

function answerOf(before: BackfillDocument, { backfillId, state }: BackfillDocument, message: string): BackfillChange {
  return { backfill_id: backfillId, previous_state: before.state, state, message };
}
