import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import type { Pipeline } from "#shared/pipelines/pipeline.ts";
import { activeRunKey } from "#shared/pipelines/run-paths.ts";
import type { RunAnswer } from "#shared/pipelines/run-request.ts";
import { reserveRun, type Trigger } from "#shared/pipelines/trigger.ts";
import { plans } from "#shared/plans/plans.ts";
import { effectiveSubscription, type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import type { Change } from "#shared/runtime/change.ts";
import { Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { type BackfillDocument, dailyShare } from "./backfill.ts";
import { chunksOfToday } from "./backfill-store.ts";

/** Below what schedules have: they go first where runs wait for a slot. */
const chunkPriority = 3;

/** The part of a chunk's transaction that is about the backfill itself; called in this order. */
export interface ChunkEffects {
  /** Reads; throws what keeps the chunk from being started. */
  prepare(change: Change): Promise<void>;
  /** Writes the backfill, whose chunk this run is. */
  conclude(run: RunAnswer["runs"][number], change: Change): void;
}

/**
 * Makes the run of one chunk. Throws `QUOTA_EXCEEDED` also where backfills have had their half of the day, and what
 * refuses any run; where only a slot is missing the run waits for it.
 */
export async function startChunk(
  asked: { backfill: BackfillDocument; at: number; pipeline: Pipeline; caller: Caller; requestId: string },
  effects: ChunkEffects,
  ports: ReservePorts,
): Promise<RunAnswer> {
  const { backfill, pipeline, caller, requestId } = asked;
  const { org, credentialId, triggerType, backfillId, forceRefresh, parameters } = backfill;
  const chunk = backfill.chunks[asked.at];
  if (chunk === undefined) throw new Error(`${backfillId} has no chunk ${asked.at}`);
  const range = { start: chunk.start, end: chunk.end };
  const isCounted = pipeline.config.counts_toward_quota;
  const trigger: Trigger = {
    ...{ org, caller, pipeline, range, requestId, triggerType, forceRefresh, parameters, backfillId },
    runs: [
      {
        runId: ports.ids.newId("run"),
        credentialId,
        activeKey: activeRunKey(pipeline.config.id, credentialId, range),
      },
    ],
    triggerBy: backfillId,
    claimedUser: undefined,
    traceparent: undefined,
    priority: chunkPriority,
    mayWait: true,
    effects: {
      prepare: async (change) => {
        if (isCounted) await refuseAboveShare(org, change);
        await effects.prepare(change);
      },
      conclude: (change, answer) => {
        const [run] = (answer instanceof Reply ? answer.body : answer).runs;
        if (run !== undefined) effects.conclude(run, change);
      },
    },
  };
  const { body } = await reserveRun(trigger, ports);
  return { ...body, backfill_id: backfillId };
}

/** Schedules keep the other half of the day, which is the store's: instances may differ about midnight. */
async function refuseAboveShare(org: OrgIdentity, change: Change): Promise<void> {
  const { body, readAt: now } = await change.get<SubscriptionDocument>(subscriptionPath(org));
  const share = dailyShare(effectiveSubscription(body, await plans(), now).limits.daily);
  if (share === null) return;
  const taken = await chunksOfToday(org, { now, enough: share }, change);
  if (taken < share) return;
  throw new AppError("QUOTA_EXCEEDED", `Backfills take at most half of the daily limit: ${share} runs a day.`, {
    extra: { quota: "daily" },
    fields: [{ path: "/quota/daily", problem: `backfills have taken their ${share} of today` }],
    retryAfterSeconds: Math.ceil((nextMidnight(now).getTime() - now.getTime()) / 1000),
  });
}

/** 00:00 UTC of the day after. */
export function nextMidnight(now: Date): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1));
}
