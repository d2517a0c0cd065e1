import type { Row } from "#shared/providers/provider.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { isRunFailure, isStepRetried } from "./failures.ts";
import { Parked } from "./lease-lost.ts";
import { batchDaysOf, organizationTables } from "./parts.ts";
import type { Step } from "./pipeline.ts";
import { retryWaitSeconds } from "./retry.ts";
import type { StepDocument } from "./run.ts";
import { stepPath } from "./run-paths.ts";
import type { RunSession } from "./session.ts";
import { moveStep, type StepMove } from "./step-moves.ts";
import { joined, progressOf, type StepProduct } from "./step-product.ts";
import { stepProduct } from "./step-work.ts";

const longestWaitHereSeconds = 60;
const longestRetryAfterSeconds = 21_600;

/** A step that is over, with what later steps and the publication need of it. */
export interface StepOutcome {
  step: StepDocument;
  /** It was over before this process came to it. */
  isStored?: boolean;
  /** Rows by table: in memory when this process pulled them, else read back when asked. */
  rows(): Promise<Record<string, readonly Row[]>>;
}

/** A step, where it stands among the steps, and those that are over before it. */
export interface Turn {
  step: Step;
  index: number;
  before: readonly StepOutcome[];
  /** Of those, what it waits for. */
  needed: readonly StepOutcome[];
}

/**
 * Runs one step to its end, or answers how it ended in an earlier claim. A step without which the run goes on is answered
 * as FAILED or SKIPPED. Throws the failure that ends the run, `Parked` or `LeaseLost`.
 */
export async function runStep(turn: Turn, session: RunSession): Promise<StepOutcome> {
  const { step, index } = turn;
  const stored = await storedStep(index, session);
  if (stored?.status === "FAILED" && step.on_failure === "stop") throw failureOf(stored);
  if (stored !== undefined && stored.endedAt !== null)
    return { step: stored, isStored: true, rows: () => rowsOfParts(stored, session) };
  const skipped = await skippedStep(turn, session);
  return skipped === undefined ? attempted(turn, stored, session) : { step: skipped, rows: async () => ({}) };
}

async function storedStep(index: number, { claim, ports }: RunSession): Promise<StepDocument | undefined> {
  const path = stepPath(claim.run.org.key, claim.run.runId, index);
  const { body } = await ports.documents.get<StepDocument>(path);
  // What a dry run had in memory is gone with the process that had it.
  return claim.run.dryRun && body !== undefined
    ? { ...body, status: "RUNNING", endedAt: null, checkpoint: null }
    : body;
}

/** The failure of an earlier claim whose process ended before it could end the run. */
function failureOf({ stepId, error }: StepDocument): AppError {
  return new AppError(error?.code ?? "INTERNAL", error?.message ?? "The step failed.", { extra: { step_id: stepId } });
}

async function skippedStep({ step, index, needed }: Turn, session: RunSession): Promise<StepDocument | undefined> {
  const move = { step, index, attempts: 0, status: "SKIPPED" as const };
  if (!step.enabled) return moveStep({ ...move, reason: "the step is disabled" }, session);
  const failed = needed.find(
    ({ step: { status, error } }) => status === "FAILED" || (status === "SKIPPED" && error !== null),
  );
  if (failed === undefined) return undefined;
  const error = new AppError("DEPENDENCY_FAILED", `The step ${failed.step.stepId}, which it depends on, failed.`);
  return moveStep({ ...move, error }, session);
}

async function attempted(turn: Turn, stored: StepDocument | undefined, session: RunSession): Promise<StepOutcome> {
  const { step, index } = turn;
  // A step that was handed on is still in the same attempt.
  const isContinued = stored?.status === "RUNNING" && stored.checkpoint !== null;
  let progress = progressOf(stored);
  let attempts = (stored?.attempts ?? 0) - (isContinued ? 1 : 0);
  let workedMs = isContinued ? stored.workedMs : 0;
  for (;;) {
    attempts += 1;
    const move: StepMove = { step, index, attempts, status: "RUNNING", workedMs };
    await moveStep(move, session);
    try {
      const product = await worked(turn, { progress, move }, session);
      const done = await moveStep(
        { ...move, status: "COMPLETED", product: product.whole, workedMs: product.workedMs },
        session,
      );
      const { rows } = product.whole;
      return { step: done, rows: rows === undefined ? () => rowsOfParts(done, session) : async () => rows };
    } catch (error) {
      const failed = await failedAttempt(error, { step, index, attempts }, session);
      if (failed !== undefined) return { step: failed, rows: async () => ({}) };
      if (session.isTimeUp()) throw new Parked(0, "deadline");
      progress = progressOf(await storedStep(index, session));
      workedMs = 0;
    }
  }
}

/** Slice after slice, each kept with its checkpoint before the next is begun. */
async function worked(
  turn: Turn,
  from: { progress: StepProduct; move: StepMove },
  session: RunSession,
): Promise<{ whole: StepProduct; workedMs: number }> {
  const { step, before } = turn;
  let whole = from.progress;
  let workedMs = from.move.workedMs ?? 0;
  for (;;) {
    const started = performance.now();
    const leftMs = step.timeout_seconds * 1000 - workedMs;
    const slice = await stepProduct({ step, before, progress: whole, leftMs }, session);
    whole = joined(whole, slice, session.claim.run.fence);
    workedMs += performance.now() - started;
    if (slice.next === undefined) return { whole, workedMs };
    await moveStep({ ...from.move, product: whole, workedMs }, session);
    if (session.isTimeUp()) throw new Parked(0, "deadline");
  }
}

interface Attempt {
  step: Step;
  index: number;
  attempts: number;
}

/** Undefined when the step is to be tried again, here and now; the failed step where the run goes on without it. */
async function failedAttempt(error: unknown, attempt: Attempt, session: RunSession): Promise<StepDocument | undefined> {
  if (error instanceof Parked) throw error;
  if (session.signal.aborted) throw session.signal.reason;
  if (!isRunFailure(error)) throw error;
  const { step, attempts } = attempt;
  const wait = retryWaitSeconds(step.retry, attempts, {
    retryAfterSeconds: error.retryAfterSeconds,
    random: session.random(),
  });
  const now = session.ports.clock.now();
  const isPastDeadline = now.getTime() + wait * 1000 > Date.parse(session.claim.run.deadlineAt);
  const isLast =
    !isStepRetried(error) || attempts >= step.retry.max_attempts || wait > longestRetryAfterSeconds || isPastDeadline;
  const moved = await moveStep({ ...attempt, status: isLast ? "FAILED" : "WAITING", error }, session);
  if (isLast && step.on_failure === "continue") return moved;
  if (isLast) throw withStep(error, step.id);
  if (wait > longestWaitHereSeconds) throw new Parked(wait * 1000, "wait");
  await session.sleep(wait * 1000);
  return undefined;
}

function withStep(error: AppError, stepId: string): AppError {
  const { code, message, retryable, retryAfterSeconds, extra } = error;
  return new AppError(code, message, {
    retryable,
    extra: { ...extra, step_id: stepId },
    cause: error,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/** The rows that a completed step wrote, read back: after a crash the steps after it work on these. */
async function rowsOfParts(step: StepDocument, session: RunSession): Promise<Record<string, readonly Row[]>> {
  if (step.status !== "COMPLETED") return {};
  const definitions = await organizationTables();
  const { rowsOf } = await import("#shared/platform/warehouse/frame.ts");
  const rows: Record<string, Row[]> = {};
  for (const part of await session.batches.parts(step.parts)) {
    const table = definitions.get(part.table);
    if (table === undefined) throw new Error(`the table ${part.table} of a completed step is gone`);
    const columns = table.columns
      .filter((column) => !column.name.startsWith("x_") || column.name === "x_source_record_id")
      .map((column) => column.name);
    const frame = await session.batches.read(table, batchDaysOf(part), columns);
    rows[part.table] = [...(rows[part.table] ?? []), ...rowsOf(frame, table)];
  }
  return rows;
}
