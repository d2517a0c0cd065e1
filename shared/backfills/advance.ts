import { type AdvanceBackfillMessage, advanceBackfillMessage } from "#shared/pipelines/backfill-message.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { runPath } from "#shared/pipelines/run-paths.ts";
import type { Documents, Transaction } from "#shared/platform/documents/documents.ts";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import { type Change, commitChange } from "#shared/runtime/change.ts";
import { AppError, isAppError } from "#shared/runtime/errors.ts";
import type { Settled } from "#shared/timers/take-due.ts";
import type { TimerDocument } from "#shared/timers/timers.ts";
import { type BackfillDocument, chunkInFlight, nextStep, withEndedRun } from "./backfill.ts";
import { backfillPath, backfillTimerPath, wakeAt, watchMilliseconds } from "./backfill-store.ts";
import { withRunningChunk } from "./new-backfill.ts";
import { nextMidnight, startChunk } from "./start-chunk.ts";

/**
 * Takes a backfill one step further: what became of its chunk in flight is written down, then the next chunk is started,
 * waited for, or the backfill ends. Safe to call twice and at any time; the document is the truth.
 */
export async function advanceBackfill(message: AdvanceBackfillMessage, ports: ReservePorts): Promise<void> {
  const { org, backfill_id: backfillId } = message;
  const { backfill, now } = await settled(org, backfillId, ports);
  if (backfill === undefined || chunkInFlight(backfill) !== undefined || !isGoing(backfill)) return;
  const step = nextStep(backfill, now);
  if (step.kind === "end") await rewrite(backfill, ended, ports);
  else if (step.kind === "wait") await rewrite(backfill, (stored) => waiting("retry", step.until, stored), ports);
  else await startNext(backfill, step.at, ports);
}

/** The timer of a backfill: somebody looks at it, and again later unless it has ended by then. */
export async function wakeBackfill({ org, payload }: TimerDocument, change: Change): Promise<Settled> {
  change.publish(advanceBackfillMessage(String(org), String(payload["backfillId"])));
  return { again: new Date(change.now.getTime() + watchMilliseconds).toISOString() };
}

/** The backfill with the end of its run in it, if that has ended, and the time by the store's clock. */
function settled(
  orgKey: string,
  backfillId: string,
  ports: ReservePorts,
): Promise<{ backfill: BackfillDocument | undefined; now: Date }> {
  return commitChange(async (change) => {
    const { body, readAt: now } = await change.get<BackfillDocument>(backfillPath(orgKey, backfillId));
    const flight = body === undefined ? undefined : chunkInFlight(body);
    if (body === undefined || flight === undefined) return { backfill: body, now };
    const { body: run } = await change.get<RunDocument>(runPath(orgKey, flight.runId));
    const backfill = withEndedRun(body, run);
    if (backfill !== body) change.set<BackfillDocument>(backfillPath(orgKey, backfillId), backfill);
    return { backfill, now };
  }, ports);
}

async function startNext(backfill: BackfillDocument, at: number, ports: ReservePorts): Promise<void> {
  const pipeline = (await pipelines()).byAddress(backfill.pipelineId);
  const caller = { kind: "platform" as const, credentialId: backfill.actor };
  const asked = { backfill, at, pipeline, caller, requestId: backfill.backfillId };
  let stored = backfill;
  try {
    await startChunk(
      asked,
      {
        prepare: async (change) => {
          stored = await unchanged(backfill, at, change);
        },
        conclude: ({ run_id }, change) => {
          const next = withRunningChunk(stored, at, run_id);
          change.set<BackfillDocument>(backfillPath(next.org.key, next.backfillId), next);
          wakeAt(next, new Date(change.now.getTime() + watchMilliseconds).toISOString(), change);
        },
      },
      ports,
    );
  } catch (error) {
    if (!isAppError(error) || error.retryable) throw error;
    await refused(backfill, at, error, ports);
  }
}

/** The same backfill as it was decided about, or `BACKFILL_CHANGED`: somebody else has gone on with it. */
async function unchanged(
  backfill: BackfillDocument,
  at: number,
  tx: Pick<Transaction, "getAll">,
): Promise<BackfillDocument> {
  const { org, backfillId } = backfill;
  const [stored] = await tx.getAll<BackfillDocument>([
    backfillPath(org.key, backfillId),
    backfillTimerPath(org.key, backfillId),
  ]);
  const { body } = stored ?? {};
  if (body !== undefined && isGoing(body) && chunkInFlight(body) === undefined && body.chunks[at]?.state === "PENDING")
    return body;
  throw new AppError("BACKFILL_CHANGED", "Another call has gone on with this backfill.");
}

/** Without quota it waits for the next day; what no waiting mends stops it until a person has done something. */
async function refused(backfill: BackfillDocument, at: number, error: AppError, ports: ReservePorts): Promise<void> {
  if (error.code === "BACKFILL_CHANGED") return;
  if (error.code === "QUOTA_EXCEEDED") {
    const { retryAfterSeconds = 0 } = error;
    await rewrite(backfill, (stored, now) => waiting("quota", endOfDay(now, retryAfterSeconds), stored), ports);
    return;
  }
  await rewrite(
    backfill,
    (stored) => ({
      next: {
        ...stored,
        state: "PAUSED",
        pausedReason: "failures",
        waitingFor: null,
        chunks: stored.chunks.map((chunk, place) => (place === at ? { ...chunk, errorCode: error.code } : chunk)),
      },
    }),
    ports,
  );
}

type Rewrite = (stored: BackfillDocument, now: Date) => { next: BackfillDocument; wakeAt?: string };

const ended: Rewrite = (stored, now) => ({
  next: { ...stored, state: "COMPLETED", open: false, waitingFor: null, endedAt: now.toISOString() },
});

/** The midnight that a refusal means, which may be over when it is written down; of a month's limit the next one. */
function endOfDay(now: Date, retryAfterSeconds: number): string {
  const meant = nextMidnight(new Date(now.getTime() + (retryAfterSeconds - 86_400) * 1000));
  const next = nextMidnight(now);
  return (meant < next ? meant : next).toISOString();
}

function waiting(
  waitingFor: "quota" | "retry",
  wakeAt: string,
  stored: BackfillDocument,
): { next: BackfillDocument; wakeAt: string } {
  return { next: { ...stored, state: "WAITING", waitingFor }, wakeAt };
}

/** Writes what was decided unless the backfill has moved on meanwhile; without an alarm its timer goes. */
async function rewrite(
  { org, backfillId }: BackfillDocument,
  rewritten: Rewrite,
  ports: { documents: Documents } & ReservePorts,
): Promise<void> {
  await commitChange(async (change) => {
    const { body, readAt } = await change.get<BackfillDocument>(backfillPath(org.key, backfillId));
    await change.get(backfillTimerPath(org.key, backfillId));
    if (body === undefined || !isGoing(body) || chunkInFlight(body) !== undefined) return;
    const { next, wakeAt: alarm } = rewritten(body, readAt);
    change.set<BackfillDocument>(backfillPath(org.key, backfillId), next);
    if (alarm === undefined) change.delete(backfillTimerPath(org.key, backfillId));
    else wakeAt(next, alarm, change);
  }, ports);
}

function isGoing({ state }: BackfillDocument): boolean {
  return state === "ACTIVE" || state === "WAITING";
}
