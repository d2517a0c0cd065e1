import type { OrgIdentity } from "#shared/access/caller.ts";
import type { DayRange } from "#shared/pipelines/range.ts";
import { isTerminal, type ParameterValue, type RunDocument } from "#shared/pipelines/run.ts";
import type { Chunk } from "./chunks.ts";

export const backfillStates = ["ACTIVE", "WAITING", "PAUSED", "COMPLETED", "CANCELLED"] as const;
export type BackfillState = (typeof backfillStates)[number];

/** Document `orgs/{key}/backfills/{id}`: days of one source that are pulled month by month, the newest first. */
export interface BackfillDocument {
  backfillId: string;
  org: OrgIdentity;
  pipelineId: string;
  credentialId: string;
  range: DayRange;
  /** Asked for, or made by a schedule for days that were missed. */
  triggerType: "backfill" | "catch_up";
  /** Who its runs are made for. */
  actor: string;
  forceRefresh: boolean;
  parameters: Record<string, ParameterValue>;
  state: BackfillState;
  /** Not ended: what other backfills of the source may not overlap. */
  open: boolean;
  /** What a WAITING one waits for. */
  waitingFor: "quota" | "retry" | null;
  pausedReason: "asked" | "failures" | null;
  chunks: Chunk[];
  /** Chunks that were given up one after the other. */
  failedInRow: number;
  endedAt: string | null;
}

/** What comes next: a chunk, a wait until then, or the end. */
export type NextStep = { kind: "start"; at: number } | { kind: "wait"; until: string } | { kind: "end" };

/** A failed chunk is tried again after so many minutes, then given up. */
const retryMinutes = [10, 60];
/** So many given up in a row are a reason to ask a person. */
const mostFailedInRow = 3;

/** The chunk whose run is under way, with its place. */
export function chunkInFlight({ chunks }: BackfillDocument): { chunk: Chunk; at: number; runId: string } | undefined {
  const at = chunks.findIndex(({ state }) => state === "RUNNING");
  const chunk = chunks[at];
  return chunk?.runId == null ? undefined : { chunk, at, runId: chunk.runId };
}

/** The backfill once the run of its chunk in flight has ended; as it is while it has not, and where none is in flight. */
export function withEndedRun(backfill: BackfillDocument, run: RunDocument | undefined): BackfillDocument {
  const flight = chunkInFlight(backfill);
  if (flight === undefined || (run !== undefined && !isTerminal(run.status))) return backfill;
  const chunk = endedChunk(flight.chunk, run);
  const chunks = backfill.chunks.with(flight.at, chunk);
  if (chunk.state === "PENDING") return { ...backfill, chunks };
  const failedInRow = chunk.state === "FAILED" ? backfill.failedInRow + 1 : 0;
  const isStopped = failedInRow >= mostFailedInRow && backfill.open && backfill.state !== "PAUSED";
  return {
    ...backfill,
    chunks,
    failedInRow,
    ...(isStopped ? { state: "PAUSED", pausedReason: "failures", waitingFor: null } : {}),
  };
}

function endedChunk(chunk: Chunk, run: RunDocument | undefined): Chunk {
  if (run?.status === "COMPLETED") {
    return {
      ...chunk,
      state: "COMPLETED",
      retryAt: null,
      errorCode: null,
      publishedDays: run.result?.publishedDays.length ?? 0,
      unchangedDays: run.result?.unchangedDays.length ?? 0,
      seconds: secondsOf(run),
    };
  }
  const attempts = chunk.attempts + 1;
  const failed = { ...chunk, attempts, errorCode: run?.error?.code ?? run?.status ?? "RUN_NOT_FOUND" };
  const minutes = run?.status === "CANCELLED" ? undefined : retryMinutes[attempts - 1];
  if (minutes === undefined) return { ...failed, state: "FAILED", retryAt: null };
  const endedAt = Date.parse(run?.endedAt ?? run?.createdAt ?? new Date(0).toISOString());
  return { ...failed, state: "PENDING", retryAt: new Date(endedAt + minutes * 60_000).toISOString() };
}

function secondsOf({ startedAt, endedAt }: RunDocument): number | null {
  return startedAt === null || endedAt === null
    ? null
    : Math.max(0, Math.round((Date.parse(endedAt) - Date.parse(startedAt)) / 1000));
}

/** The next chunk, newest first; one that has failed only when its time has come. */
export function nextStep({ chunks }: BackfillDocument, now: Date): NextStep {
  const isReady = ({ state, retryAt }: Chunk): boolean =>
    state === "PENDING" && (retryAt === null || Date.parse(retryAt) <= now.getTime());
  const at = chunks.findIndex(isReady);
  if (at >= 0) return { kind: "start", at };
  const retries = chunks.flatMap(({ state, retryAt }) => (state === "PENDING" && retryAt !== null ? [retryAt] : []));
  const [until] = retries.sort();
  return until === undefined ? { kind: "end" } : { kind: "wait", until };
}

/** Chunks of an organization that may be started on a UTC day: half of its runs, at least one; null: any number. */
export function dailyShare(dailyLimit: number | null): number | null {
  return dailyLimit === null ? null : Math.max(1, Math.floor(dailyLimit / 2));
}

export function overlaps(one: DayRange, other: DayRange): boolean {
  return one.start <= other.end && other.start <= one.end;
}
