import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import type { Pipeline } from "#shared/pipelines/pipeline.ts";
import type { DayRange } from "#shared/pipelines/range.ts";
import type { ParameterValue } from "#shared/pipelines/run.ts";
import type { RunAnswer } from "#shared/pipelines/run-request.ts";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import type { Change } from "#shared/runtime/change.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { type BackfillDocument, overlaps } from "./backfill.ts";
import { backfillPath, backfillTimerPath, openBackfills, wakeAt, watchMilliseconds } from "./backfill-store.ts";
import { chunksOf, newChunk } from "./chunks.ts";
import { startChunk } from "./start-chunk.ts";

/** Days that are to be pulled month by month. */
export interface BackfillOrder {
  org: OrgIdentity;
  caller: Caller;
  pipeline: Pipeline;
  credentialId: string;
  range: DayRange;
  triggerType: BackfillDocument["triggerType"];
  forceRefresh: boolean;
  parameters: Record<string, ParameterValue>;
  requestId: string;
}

/** What stands or falls with the new backfill: the request that asked for it. */
export interface CreationEffects {
  prepare(change: Change): Promise<void>;
  conclude(created: { backfill: BackfillDocument; run: RunAnswer["runs"][number] }, change: Change): void;
}

/**
 * Stores a backfill with the run of its newest month, in one transaction. Throws `BACKFILL_OVERLAPS` where another one of
 * the source is under way for some of its days, and what refuses that run; a refusal leaves no trace.
 */
export async function createBackfill(
  order: BackfillOrder,
  effects: CreationEffects,
  ports: ReservePorts,
): Promise<{ backfill: BackfillDocument; run: RunAnswer }> {
  const fresh = newBackfill(order, ports.ids.newId("bf"));
  let created = fresh;
  const run = await startChunk(
    { ...order, backfill: fresh, at: 0 },
    {
      prepare: async (change) => {
        await effects.prepare(change);
        await refuseOverlap(fresh, change);
        await change.get(backfillTimerPath(fresh.org.key, fresh.backfillId));
      },
      conclude: (started, change) => {
        created = withRunningChunk(fresh, 0, started.run_id);
        change.create<BackfillDocument>(backfillPath(fresh.org.key, fresh.backfillId), created);
        wakeAt(created, new Date(change.now.getTime() + watchMilliseconds).toISOString(), change);
        effects.conclude({ backfill: created, run: started }, change);
      },
    },
    ports,
  );
  return { backfill: created, run };
}

/** A backfill that nobody has stored yet. */
export function newBackfill(order: BackfillOrder, backfillId: string): BackfillDocument {
  const { org, caller, pipeline, credentialId, range, triggerType, forceRefresh, parameters } = order;
  return {
    ...{ backfillId, org, credentialId, range, triggerType, forceRefresh, parameters },
    pipelineId: pipeline.config.id,
    actor: caller.credentialId,
    state: "ACTIVE",
    open: true,
    waitingFor: null,
    pausedReason: null,
    chunks: chunksOf(range).map(newChunk),
    failedInRow: 0,
    endedAt: null,
  };
}

export function withRunningChunk(backfill: BackfillDocument, at: number, runId: string): BackfillDocument {
  const chunks = backfill.chunks.map((chunk, place) =>
    place === at ? { ...chunk, state: "RUNNING" as const, runId, retryAt: null } : chunk,
  );
  return { ...backfill, state: "ACTIVE", waitingFor: null, chunks };
}

async function refuseOverlap(fresh: BackfillDocument, change: Change): Promise<void> {
  const other = (await openBackfills(fresh.org, change)).find(
    ({ pipelineId, credentialId, range }) =>
      pipelineId === fresh.pipelineId && credentialId === fresh.credentialId && overlaps(range, fresh.range),
  );
  if (other === undefined) return;
  throw new AppError("BACKFILL_OVERLAPS", `${other.backfillId} is under way for some of these days.`, {
    extra: { backfill_id: other.backfillId },
  });
}
