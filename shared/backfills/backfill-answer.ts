import { type Static, Type } from "@sinclair/typebox";
import { choice, nullable, strictObject } from "#shared/runtime/schema.ts";
import { type BackfillDocument, backfillStates } from "./backfill.ts";
import { chunkStates } from "./chunks.ts";

const count = Type.Integer({ minimum: 0 });
const instant = Type.String({ format: "date-time" });

const ChunkAnswer = strictObject({
  start: Type.String(),
  end: Type.String(),
  state: choice(chunkStates),
  run_id: nullable(Type.String()),
  error_code: nullable(Type.String()),
});

const Progress = strictObject({
  chunks_total: count,
  done: count,
  failed: count,
  percent: count,
  days_published: count,
  days_unchanged: count,
  current: nullable(strictObject({ start: Type.String(), end: Type.String() })),
});

export const BackfillAnswer = strictObject({
  backfill_id: nullable(Type.String({ description: "Null: only planned" })),
  org_slug: Type.String(),
  pipeline_id: Type.String(),
  credential_id: Type.String(),
  start_date: Type.String(),
  end_date: Type.String(),
  trigger_type: choice(["backfill", "catch_up"]),
  force_refresh: Type.Boolean(),
  state: choice(backfillStates),
  waiting_for: nullable(choice(["quota", "retry"])),
  paused_reason: nullable(choice(["asked", "failures"])),
  eta: nullable(instant),
  progress: Progress,
  chunks: Type.Array(ChunkAnswer),
  run_id: nullable(Type.String({ description: "The run of the chunk that is under way" })),
  created_at: nullable(instant),
  ended_at: nullable(instant),
});
export type BackfillAnswer = Static<typeof BackfillAnswer>;

/** A backfill as it is answered; `share`: chunks a day at most, null: as many as there are. */
export function backfillAnswer(
  backfill: BackfillDocument,
  at: { createdAt: string | null; now: Date; share: number | null; isStored?: boolean },
): BackfillAnswer {
  const { chunks } = backfill;
  const done = chunks.filter(({ state }) => state === "COMPLETED");
  const current = chunks.find(({ state }) => state === "RUNNING");
  return {
    backfill_id: at.isStored === false ? null : backfill.backfillId,
    org_slug: backfill.org.slug,
    pipeline_id: backfill.pipelineId,
    credential_id: backfill.credentialId,
    start_date: backfill.range.start,
    end_date: backfill.range.end,
    trigger_type: backfill.triggerType,
    force_refresh: backfill.forceRefresh,
    state: backfill.state,
    waiting_for: backfill.waitingFor,
    paused_reason: backfill.pausedReason,
    eta: etaOf(backfill, at),
    progress: {
      chunks_total: chunks.length,
      done: done.length,
      failed: chunks.filter(({ state }) => state === "FAILED").length,
      percent: Math.floor((done.length * 100) / chunks.length),
      days_published: done.reduce((sum, { publishedDays }) => sum + publishedDays, 0),
      days_unchanged: done.reduce((sum, { unchangedDays }) => sum + unchangedDays, 0),
      current: current === undefined ? null : { start: current.start, end: current.end },
    },
    chunks: chunks.map(({ start, end, state, runId, errorCode }) => ({
      ...{ start, end, state },
      run_id: runId,
      error_code: errorCode,
    })),
    run_id: current?.runId ?? null,
    created_at: at.createdAt,
    ended_at: backfill.endedAt,
  };
}

/** When it will have ended: by the day's share, or by how long its chunks have taken; null while nobody can say. */
function etaOf(
  { chunks, open, state }: BackfillDocument,
  { now, share }: { now: Date; share: number | null },
): string | null {
  if (!open || state === "PAUSED") return null;
  const left = chunks.filter((chunk) => chunk.state === "PENDING" || chunk.state === "RUNNING").length;
  const measured = chunks.flatMap(({ seconds }) => (seconds === null ? [] : [seconds]));
  if (measured.length === 0) return null;
  const average = measured.reduce((sum, each) => sum + each, 0) / measured.length;
  const days = share === null ? 0 : Math.ceil(left / share) - 1;
  return new Date(now.getTime() + days * 86_400_000 + left * average * 1000).toISOString();
}
